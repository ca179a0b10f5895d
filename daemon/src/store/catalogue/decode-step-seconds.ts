/** Estimates the time of a decode step over live speech from a machine's compute speed. */
import type { CatalogueEntry } from './catalogue-entry.js';

/**
 * Bytes that a GPU reads in the time of one operation of an encoder: 0.027 (M3 Pro) to 0.038 (M4 Max) at four
 * fifths of the memory bandwidth. The minimum, so that no chip is overestimated.
 */
const BYTES_PER_OPERATION = 0.027;
/** Host time per token: some 250 ops. */
const HOST_SECONDS_PER_TOKEN = 0.001;
/** A decode step verifies the known text in one pass; only a few words are new. */
const TOKENS_PER_STEP = 8;

/** @param gflops speed of the encoder, 10⁹ operations a second */
export function decodeStepSeconds(
  { liveGigaflop, tokenBytes }: Pick<CatalogueEntry, 'liveGigaflop' | 'tokenBytes'>,
  gflops: number,
): number {
  const readSeconds = tokenBytes / (gflops * 1e9 * BYTES_PER_OPERATION);
  return liveGigaflop / gflops + TOKENS_PER_STEP * (readSeconds + HOST_SECONDS_PER_TOKEN);
}

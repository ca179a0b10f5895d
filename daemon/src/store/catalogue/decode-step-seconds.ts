/** How long a decode step of live speech takes on a machine, from how fast it computes. */
import type { CatalogueEntry } from './catalogue-entry.js';

/**
 * Bytes that a GPU reads while it computes so many operations of an encoder: 0.027 (M3 Pro) to 0.038 (M4 Max) at four fifths
 * of the memory's rate. The least, so that no chip is promised too much.
 */
const BYTES_PER_OPERATION = 0.027;
/** Of the host, for each token: some 250 ops. */
const HOST_SECONDS_PER_TOKEN = 0.001;
/** What a decode step checks is one pass; what is new since the step before are a few words. */
const TOKENS_PER_STEP = 8;

/** Seconds of a decode step. @param gflops 10⁹ operations a second of the encoder */
export function decodeStepSeconds(
  { liveGigaflop, tokenBytes }: Pick<CatalogueEntry, 'liveGigaflop' | 'tokenBytes'>,
  gflops: number,
): number {
  const readSeconds = tokenBytes / (gflops * 1e9 * BYTES_PER_OPERATION);
  return liveGigaflop / gflops + TOKENS_PER_STEP * (readSeconds + HOST_SECONDS_PER_TOKEN);
}

/** Loudness of PCM for a meter. */
import { BYTES_PER_SAMPLE } from '../../protocol/live.js';

const FULL_SCALE = 32_768;
/** Silence at 16 bits: nothing quieter can be measured. */
export const SILENT_DB = -96;

export interface Level {
  /** dB below full scale. */
  readonly rms: number;
  readonly peak: number;
}

/** @param pcm s16le, at least one sample */
export function levelOf(pcm: Uint8Array): Level {
  const view = new DataView(pcm.buffer, pcm.byteOffset, pcm.byteLength);
  let squares = 0;
  let peak = 0;
  for (let at = 0; at < pcm.byteLength; at += BYTES_PER_SAMPLE) {
    const sample = Math.abs(view.getInt16(at, true));
    squares += sample * sample;
    if (sample > peak) peak = sample;
  }
  const samples = pcm.byteLength / BYTES_PER_SAMPLE;
  return { rms: decibels(Math.sqrt(squares / samples)), peak: decibels(peak) };
}

function decibels(value: number): number {
  if (value <= 0) return SILENT_DB;
  return Math.max(SILENT_DB, Math.round(200 * Math.log10(value / FULL_SCALE)) / 10);
}

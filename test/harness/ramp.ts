/** PCM in which every sample encodes its position, so that lost and doubled samples show. */
import { crc32 } from 'node:zlib';

export const SECOND = 16_000;

/** Samples `from` to `to` of the ramp, s16le. */
export function ramp(from: number, to: number): Int16Array<ArrayBuffer> {
  // A multiplicative hash of the position: no two runs are alike.
  return Int16Array.from(
    { length: to - from },
    (_, i) => (Math.imul(from + i + 1, 2_654_435_761) >> 9) & 0x7fff,
  );
}

/** The fake engine's word for some samples. */
export function wordFor(pcm: Uint8Array): string {
  return crc32(pcm).toString(16).padStart(8, '0');
}

/** The fake engine's text of the first `samples`: one word per second, one for the rest. */
export function rampText(samples: number): string {
  const words: string[] = [];
  for (let at = 0; at < samples; at += SECOND) {
    const pcm = ramp(at, Math.min(samples, at + SECOND));
    words.push(wordFor(new Uint8Array(pcm.buffer)));
  }
  return words.join(' ');
}

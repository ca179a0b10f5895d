/** Samples as 16-bit PCM. */
const FULL_SCALE = 32_768;

/** The inverse of reading 16-bit samples as n / 32768: what was 16 bits stays as it was. @param samples -1 … 1; what is louder is cut off */
export function toPcm16(samples: Float32Array): Int16Array {
  return Int16Array.from(samples, (sample) =>
    Math.max(-FULL_SCALE, Math.min(FULL_SCALE - 1, Math.round(sample * FULL_SCALE))),
  );
}

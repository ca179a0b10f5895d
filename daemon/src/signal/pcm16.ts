const FULL_SCALE = 32_768;

/** Inverts reading 16-bit samples as n / 32768 without loss. @param samples −1 … 1; louder samples are clipped */
export function toPcm16(samples: Float32Array): Int16Array {
  return Int16Array.from(samples, (sample) =>
    Math.max(-FULL_SCALE, Math.min(FULL_SCALE - 1, Math.round(sample * FULL_SCALE))),
  );
}

/** @param bytes s16le, at any offset @returns −1 … 1 */
export function fromPcm16(bytes: Uint8Array): Float32Array {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  return Float32Array.from(
    { length: bytes.byteLength >> 1 },
    (_, i) => view.getInt16(2 * i, true) / FULL_SCALE,
  );
}

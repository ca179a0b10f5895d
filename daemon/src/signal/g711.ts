/** ITU-T G.711 telephone audio, one byte per sample: µ-law and A-law. The 14 and 13 bits of the standard are scaled to 16. */

/** Added before the logarithm, so that µ-law has no step at zero. */
const MU_BIAS = 0x84;

export type Law = 'mu' | 'a';

const MU_TABLE = Int16Array.from({ length: 256 }, (_, code) => muSample(code));
const A_TABLE = Int16Array.from({ length: 256 }, (_, code) => aSample(code));

/** @returns samples −1…1 */
export function decodeG711(bytes: Uint8Array, law: Law): Float32Array {
  const table = law === 'mu' ? MU_TABLE : A_TABLE;
  const samples = new Float32Array(bytes.length);
  for (let i = 0; i < bytes.length; i++) samples[i] = (table[bytes[i] as number] as number) / 32_768;
  return samples;
}

/** A sign bit, three bits of segment, four bits of position in it; all bits are inverted. */
function muSample(code: number): number {
  const bits = ~code;
  const magnitude = ((((bits & 0x0f) << 3) + MU_BIAS) << ((bits & 0x70) >> 4)) - MU_BIAS;
  return (bits & 0x80) === 0 ? magnitude : -magnitude;
}

/** Like µ-law, but with every other bit inverted, and a first segment as wide as the second. */
function aSample(code: number): number {
  const bits = code ^ 0x55;
  const segment = (bits & 0x70) >> 4;
  const place = ((bits & 0x0f) << 4) + 8;
  const magnitude = segment === 0 ? place : (place + 0x100) << (segment - 1);
  return (bits & 0x80) === 0 ? -magnitude : magnitude;
}

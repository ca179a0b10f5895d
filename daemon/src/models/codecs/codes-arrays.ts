/** Codes as lists, and as arrays of a network. */
import { SottoError } from '#daemon/protocol/errors.js';
import { mx, type MxArray } from '#native/index.js';

/** uint32 [1, K, T] → a list for each codebook. Evaluated already. */
export function codeLists(codes: MxArray): number[][] {
  const [, codebooks = 0, frames = 0] = codes.shape;
  const all = codes.toTypedArray('uint32');
  return Array.from({ length: codebooks }, (_, i) => [...all.subarray(i * frames, (i + 1) * frames)]);
}

/** Frames `start` … `end` of checked codes: uint32 [1, K, T]. The caller owns it. */
export function codesArray(codes: readonly (readonly number[])[], start: number, end: number): MxArray {
  const rows = codes.map((list) => list.slice(start, end));
  return mx.array(Uint32Array.from(rows.flat()), [1, rows.length, end - start]);
}

/** Samples of one channel: [1, L, 1] evaluated → [L]. @throws SottoError ENGINE_CRASHED for a NaN, which would be noise */
export function samplesOf(audio: MxArray): Float32Array {
  const samples = audio.toTypedArray('float32');
  if (samples.every(Number.isFinite)) return samples;
  throw new SottoError('ENGINE_CRASHED', 'the codec computed samples that are not numbers');
}

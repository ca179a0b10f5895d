/**
 * Writes a .safetensors file whose bytes depend on nothing but its tensors: MLX's own writer lists them in the order
 * of a hash map, so the same model would have another sha256 on another platform.
 */
import { closeSync, fsyncSync, openSync, writeSync } from 'node:fs';

export interface RawTensor {
  /** The format's name: 'F16', 'U32', … */
  readonly dtype: string;
  readonly shape: readonly number[];
  readonly bytes: Uint8Array;
}

const ELEMENT_BYTES: Readonly<Record<string, number>> = { F16: 2, BF16: 2, F32: 4, U32: 4, I32: 4 };
const HEADER_ALIGNMENT = 8;

/** Wide elements first, then by name: as the format's reference writer does, so that every tensor is aligned. */
export function writeSafetensors(
  path: string,
  tensors: ReadonlyMap<string, RawTensor>,
  metadata: Readonly<Record<string, string>>,
): void {
  const width = ({ dtype }: RawTensor) => {
    const bytes = ELEMENT_BYTES[dtype];
    if (bytes === undefined) throw new RangeError(`${dtype} is not written here`);
    return bytes;
  };
  const ordered = [...tensors].sort(
    ([a, x], [b, y]) => width(y) - width(x) || (a < b ? -1 : a > b ? 1 : 0), // code units, not the user's locale
  );
  let at = 0;
  const entries = ordered.map(([name, tensor]) => {
    const elements = tensor.shape.reduce((product, dim) => product * dim, 1);
    if (elements * width(tensor) !== tensor.bytes.byteLength) throw new RangeError(`${name} has a wrong size`);
    const range = [at, (at += tensor.bytes.byteLength)];
    return [name, { dtype: tensor.dtype, shape: tensor.shape, data_offsets: range }] as const;
  });
  const json = JSON.stringify(Object.fromEntries([['__metadata__', metadata], ...entries]));
  const header = Buffer.from(json.padEnd(Math.ceil(json.length / HEADER_ALIGNMENT) * HEADER_ALIGNMENT), 'utf8');
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(BigInt(header.byteLength));

  const file = openSync(path, 'w');
  try {
    for (const piece of [length, header, ...ordered.map(([, tensor]) => tensor.bytes)]) {
      for (let done = 0; done < piece.byteLength; ) done += writeSync(file, piece, done);
    }
    fsyncSync(file);
  } finally {
    closeSync(file);
  }
}

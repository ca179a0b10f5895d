/** Builds valid and invalid safetensors files. */

const DTYPE_BYTES: Readonly<Record<string, number>> = {
  BOOL: 1,
  U8: 1,
  F16: 2,
  BF16: 2,
  F32: 4,
  U32: 4,
  I64: 8,
};

export const dtypes = Object.keys(DTYPE_BYTES);

export interface TensorSpec {
  name: string;
  dtype: string;
  shape: number[];
}

/** A file with the given header: text, bytes, or an object to encode as JSON. */
export function fileBytes(header: string | Uint8Array | object, data: Uint8Array = new Uint8Array()): Buffer {
  const json =
    header instanceof Uint8Array ? header : typeof header === 'string' ? header : JSON.stringify(header);
  const body = Buffer.from(json);
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(BigInt(body.length));
  return Buffer.concat([length, body, data]);
}

/** A valid file with the tensors of `specs` in order. */
export function validFile(specs: readonly TensorSpec[], metadata?: Record<string, string>): Buffer {
  let position = 0;
  const entries = specs.map(({ name, dtype, shape }) => {
    const begin = position;
    position += shape.reduce((product, dimension) => product * dimension, DTYPE_BYTES[dtype] ?? Number.NaN);
    return [name, { dtype, shape, data_offsets: [begin, position] }] as const;
  });
  // Text instead of an object literal: a name may be `__proto__`, or look like an array index and change the
  // order.
  const fields = entries.map(([name, entry]) => `${JSON.stringify(name)}:${JSON.stringify(entry)}`);
  if (metadata) fields.unshift(`"__metadata__":${JSON.stringify(metadata)}`);
  return fileBytes(`{${fields.join(',')}}`, Buffer.alloc(position, 1));
}

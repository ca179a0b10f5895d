/** Parses the header of a .npy file (NumPy's format, versions 1 to 3). */
import { mx, type Dtype, type MxArray } from '#native/index.js';

export interface NpyHeader {
  readonly dtype: Dtype;
  readonly shape: readonly number[];
  /** Column-major order: the first axis is contiguous. */
  readonly isFortran: boolean;
  /** Size of the header, where the elements start. */
  readonly begin: number;
  /** Size of the elements. */
  readonly bytes: number;
}

/** By NumPy's name without the byte order. MLX writes bfloat16, which NumPy lacks, as `V2`. */
const DTYPES: Readonly<Record<string, readonly [dtype: Dtype, bytes: number]>> = {
  b1: ['bool', 1],
  u1: ['uint8', 1],
  i1: ['int8', 1],
  u2: ['uint16', 2],
  i2: ['int16', 2],
  u4: ['uint32', 4],
  i4: ['int32', 4],
  u8: ['uint64', 8],
  i8: ['int64', 8],
  f2: ['float16', 2],
  V2: ['bfloat16', 2],
  f4: ['float32', 4],
  f8: ['float64', 8],
};

/** Magic, version and header length. */
export const NPY_PREFIX_BYTES = 12;
const MAGIC = Buffer.from('\u0093NUMPY', 'latin1');
const MAX_HEADER_BYTES = 65_536;
const MAX_DIMENSION = 2 ** 31 - 1; // MLX keeps shapes as int32

const HEADER =
  /^\{\s*'descr':\s*'([<>|=][A-Za-z]\d{1,2})'\s*,\s*'fortran_order':\s*(True|False)\s*,\s*'shape':\s*\(([\d,\s]*)\)\s*,?\s*\}\s*$/;

/** Header size, from the first `NPY_PREFIX_BYTES`. @throws RangeError with the reason */
export function npyHeaderBytes(prefix: Buffer): number {
  if (prefix.length < NPY_PREFIX_BYTES || !prefix.subarray(0, MAGIC.length).equals(MAGIC)) {
    throw new RangeError('not a NumPy array');
  }
  const version = prefix[6] ?? 0;
  if (version < 1 || version > 3) throw new RangeError(`unknown version ${version} of NumPy’s format`);
  const length = version === 1 ? prefix.readUInt16LE(8) : prefix.readUInt32LE(8);
  if (length > MAX_HEADER_BYTES) throw new RangeError(`its header of ${length} bytes is too large`);
  return length + (version === 1 ? 10 : 12);
}

/**
 * @param header the whole header, `npyHeaderBytes` long
 * @throws RangeError with the reason
 */
export function parseNpyHeader(header: Buffer): NpyHeader {
  const text = header.toString('latin1', header[6] === 1 ? 10 : 12);
  const [, descr = '', fortran, dimensions = ''] = HEADER.exec(text) ?? [];
  if (fortran === undefined) throw new RangeError('its header is malformed');
  const known = DTYPES[descr.slice(1)];
  if (known === undefined || descr.startsWith('>')) throw new RangeError(`unsupported element type ${descr}`);
  const shape = dimensions
    .split(',')
    .map((part) => part.trim())
    .filter((part) => part !== '')
    .map(Number);
  const [dtype, elementBytes] = known;
  const bytes = shape.reduce((product, n) => product * n, elementBytes);
  if (shape.some((n) => !(n <= MAX_DIMENSION)) || !Number.isSafeInteger(bytes)) {
    throw new RangeError(`its shape [${shape.join(', ')}] exceeds the limits of MLX`);
  }
  return { dtype, shape, isFortran: fortran === 'True', begin: header.length, bytes };
}

/** The array of little-endian `bytes`. float64 becomes float32, since GPUs lack it. */
export function npyArray(bytes: Uint8Array<ArrayBuffer>, { dtype, shape, isFortran }: NpyHeader): MxArray {
  if (!isFortran || shape.length < 2) return arrayOf(bytes, dtype, [...shape]);
  // The same memory in row-major order is the transposed array.
  return mx.tidy(() => mx.contiguous(mx.transpose(arrayOf(bytes, dtype, [...shape].reverse()))));
}

function arrayOf({ buffer }: Uint8Array<ArrayBuffer>, dtype: Dtype, shape: number[]): MxArray {
  switch (dtype) {
    case 'bool':
      return mx.tidy(() => mx.array(new Uint8Array(buffer), shape, 'uint8').astype('bool'));
    case 'uint8':
      return mx.array(new Uint8Array(buffer), shape, dtype);
    case 'int8':
      return mx.array(new Int8Array(buffer), shape, dtype);
    case 'uint16':
    case 'float16':
    case 'bfloat16':
      return mx.array(new Uint16Array(buffer), shape, dtype);
    case 'int16':
      return mx.array(new Int16Array(buffer), shape, dtype);
    case 'uint32':
      return mx.array(new Uint32Array(buffer), shape, dtype);
    case 'int32':
      return mx.array(new Int32Array(buffer), shape, dtype);
    case 'uint64':
      return mx.array(new BigUint64Array(buffer), shape, dtype);
    case 'int64':
      return mx.array(new BigInt64Array(buffer), shape, dtype);
    case 'float64':
      return mx.array(Float32Array.from(new Float64Array(buffer)), shape, 'float32');
    default:
      return mx.array(new Float32Array(buffer), shape, 'float32');
  }
}

/** Memory-mapped tensors of a .safetensors file. */
import { mx, type Dtype, type MxArray } from '../index.js';
import { LENGTH_BYTES, validateSafetensors } from './validate.js';

const DTYPES: Readonly<Record<string, Dtype>> = {
  BOOL: 'bool',
  U8: 'uint8',
  I8: 'int8',
  F8_E4M3: 'uint8',
  F8_E8M0: 'uint8',
  U16: 'uint16',
  I16: 'int16',
  F16: 'float16',
  BF16: 'bfloat16',
  U32: 'uint32',
  I32: 'int32',
  F32: 'float32',
  U64: 'uint64',
  I64: 'int64',
  C64: 'complex64',
};

/**
 * Checks the header of the file and maps its data: arrays by name, in file order, which a thread reads ahead.
 * The caller owns the arrays; the file stays mapped until the last one is freed. Where MLX's allocator only
 * accepts its own memory, the arrays are read on evaluation, as by `mx.loadSafetensors`.
 *
 * @throws SafetensorsError; an error of the addon if the file has changed since its header was read
 */
export function mapSafetensors(path: string): Map<string, MxArray> {
  const { tensors, headerBytes, dataBytes } = validateSafetensors(path);
  const dataStart = LENGTH_BYTES + headerBytes;
  const inOrder = [...tensors].sort(([, a], [, b]) => a.begin - b.begin || a.end - b.end);
  const arrays = mx.mapFile(
    path,
    dataStart + dataBytes,
    inOrder.map(([, { begin }]) => dataStart + begin),
    inOrder.map(([, { shape }]) => shape),
    inOrder.map(([, { dtype }]) => DTYPES[dtype] ?? 'uint8'),
  );
  if (arrays === null) return new Map(Object.entries(mx.loadSafetensors(path).arrays));
  return new Map(inOrder.flatMap(([name], i) => (arrays[i] ? [[name, arrays[i]] as const] : [])));
}

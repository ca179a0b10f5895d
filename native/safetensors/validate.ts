/**
 * Checks a .safetensors file before MLX opens it. MLX's loader trusts much of the header: it wraps a
 * dimension of 2^32 to 0, accepts overlapping tensors, and keeps the last of two equal keys. This check
 * accepts a file only if its header is complete and unambiguous: every byte of data belongs to exactly one
 * tensor. It reads the header, not the tensors.
 *
 * The checks run in the order of the format's reference reader: sizes before allocation, then UTF-8, then
 * JSON, then every tensor, then the whole layout.
 */
import { closeSync, constants, fstatSync, openSync, readSync } from 'node:fs';
import { quote, SafetensorsError, type SafetensorsErrorCode } from './safetensors-error.js';
import { HeaderScanner, HeaderSyntaxError } from './header-scanner.js';

export { SafetensorsError, type SafetensorsErrorCode };

/** Bytes per element of each dtype that MLX can load. F8 formats arrive as uint8. */
const DTYPE_BYTES: ReadonlyMap<string, number> = new Map([
  ['BOOL', 1],
  ['U8', 1],
  ['I8', 1],
  ['F8_E4M3', 1],
  ['F8_E8M0', 1],
  ['U16', 2],
  ['I16', 2],
  ['F16', 2],
  ['BF16', 2],
  ['U32', 4],
  ['I32', 4],
  ['F32', 4],
  ['U64', 8],
  ['I64', 8],
  ['C64', 8],
]);

export const LENGTH_BYTES = 8; // u64, little-endian, before the header
const MAX_HEADER_BYTES = 100_000_000; // the format's own limit
const MAX_DIMENSION = 2 ** 31 - 1; // MLX keeps shapes as int32
const MAX_RANK = 64; // NumPy's limit; no model comes near it
const METADATA_KEY = '__metadata__';

interface SafetensorsTensor {
  /** The format's name, e.g. 'F16' or 'U32'. */
  readonly dtype: string;
  readonly shape: readonly number[];
  /** Byte range [begin, end) within the data area. */
  readonly begin: number;
  readonly end: number;
}

export interface SafetensorsHeader {
  /** In header order. */
  readonly tensors: ReadonlyMap<string, SafetensorsTensor>;
  readonly metadata: ReadonlyMap<string, string>;
  /** Bytes of JSON, without the 8-byte length. */
  readonly headerBytes: number;
  readonly dataBytes: number;
}

/**
 * Reads and checks the header of the file at `path`.
 *
 * @throws SafetensorsError, and nothing else.
 * @example
 * const { tensors } = validateSafetensors('weights.safetensors');
 * tensors.has('encoder.conv1.scales'); // quantized?
 */
export function validateSafetensors(path: string): SafetensorsHeader {
  let fd: number;
  try {
    // Without O_NONBLOCK, opening a FIFO that has no writer would block forever. Regular files ignore it.
    fd = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
  } catch (cause) {
    const problem = isMissing(cause) ? 'no such file' : 'cannot be opened';
    throw new SafetensorsError(
      'SAFETENSORS_UNREADABLE',
      path,
      problem,
      'Check the path and its permissions.',
      {
        cause,
      },
    );
  }
  try {
    const stat = fstatSync(fd);
    if (!stat.isFile()) {
      throw new SafetensorsError(
        'SAFETENSORS_UNREADABLE',
        path,
        stat.isDirectory() ? 'is a directory' : 'is not a regular file',
        'Pass the path of a .safetensors file.',
      );
    }
    // The first bytes give the declared size, checked against the file's, and the first character.
    const first = readExactly(fd, Math.min(stat.size, LENGTH_BYTES + 1));
    const headerBytes = checkedHeaderLength(first, stat.size, path);
    const bytes = Buffer.alloc(LENGTH_BYTES + headerBytes);
    const bytesRead = readInto(fd, bytes);
    return parseSafetensorsHeader(bytes.subarray(0, bytesRead), stat.size, path);
  } catch (cause) {
    if (cause instanceof SafetensorsError) throw cause;
    throw new SafetensorsError(
      'SAFETENSORS_UNREADABLE',
      path,
      'cannot be read',
      'Check the disk and try again.',
      {
        cause,
      },
    );
  } finally {
    closeSync(fd);
  }
}

/**
 * Checks a header that is already in memory.
 *
 * @param bytes the start of the file: the 8-byte length and at least the whole header
 * @param fileSize size of the whole file in bytes
 * @param file its name, for messages
 * @throws SafetensorsError, and nothing else.
 */
export function parseSafetensorsHeader(
  bytes: Uint8Array,
  fileSize: number,
  file = 'safetensors data',
): SafetensorsHeader {
  const headerBytes = checkedHeaderLength(bytes, fileSize, file);
  if (bytes.byteLength < LENGTH_BYTES + headerBytes) throw truncated(file, 'the header is truncated');
  const json = decodeUtf8(bytes.subarray(LENGTH_BYTES, LENGTH_BYTES + headerBytes), file);
  const dataBytes = fileSize - LENGTH_BYTES - headerBytes;
  const plain = plainHeader(json, dataBytes, file);
  if (plain) {
    checkLayout(plain.tensors, dataBytes, file);
    return { ...plain, headerBytes, dataBytes };
  }
  const tensors = new Map<string, SafetensorsTensor>();
  let metadata: Map<string, string> | undefined;
  let name: string | undefined; // the entry being read, for syntax errors
  try {
    const scanner = new HeaderScanner(json);
    scanner.object((key) => {
      name = key;
      if (key === METADATA_KEY) {
        if (metadata) throw duplicate(file, key, 'the header');
        metadata = readMetadata(scanner, file);
        return;
      }
      checkName(key, file);
      if (tensors.has(key)) throw duplicate(file, key, 'the header');
      tensors.set(key, readTensor(scanner, key, dataBytes, file));
    });
    name = undefined;
    scanner.end();
  } catch (error) {
    if (!(error instanceof HeaderSyntaxError)) throw error;
    const details = name === undefined || name === METADATA_KEY ? {} : { tensor: name };
    throw new SafetensorsError('SAFETENSORS_HEADER', file, `bad header: ${error.message}`, DAMAGED, details);
  }
  checkLayout(tensors, dataBytes, file);
  return { tensors, metadata: metadata ?? new Map(), headerBytes, dataBytes };
}

/**
 * The fast path: if `JSON.stringify` of the parsed header reproduces its text, as with all common writers, no
 * key occurs twice and no number or string is ambiguous. Undefined for any other header and for a faulty one;
 * those take the strict parser, which is ten times slower.
 */
function plainHeader(
  json: string,
  dataBytes: number,
  file: string,
): Pick<SafetensorsHeader, 'tensors' | 'metadata'> | undefined {
  if (json.includes('\\')) return undefined; // an escape may encode half a surrogate pair
  let header: unknown;
  try {
    header = JSON.parse(json);
  } catch {
    return undefined;
  }
  // Writers pad the header with spaces.
  if (!isRecord(header) || JSON.stringify(header) !== json.trimEnd()) return undefined;
  const tensors = new Map<string, SafetensorsTensor>();
  let metadata = new Map<string, string>();
  for (const [name, entry] of Object.entries(header)) {
    if (!isRecord(entry) || name === '__proto__') return undefined;
    if (name === METADATA_KEY) {
      const texts = Object.entries(entry);
      if (!texts.every((text): text is [string, string] => typeof text[1] === 'string')) return undefined;
      if (texts.some(([key]) => key === '__proto__')) return undefined;
      metadata = new Map(texts);
      continue;
    }
    const { dtype, shape, data_offsets: offsets, ...others } = entry;
    if (typeof dtype !== 'string' || !isNaturals(shape, MAX_RANK) || !isNaturals(offsets, 2))
      return undefined;
    if (Object.keys(others).length > 0) return undefined;
    tensors.set(name, checkedTensor({ dtype, shape, offsets }, name, dataBytes, file));
  }
  return { tensors, metadata };
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function isNaturals(value: unknown, limit: number): value is number[] {
  return (
    Array.isArray(value) &&
    value.length <= limit &&
    value.every((n) => typeof n === 'number' && Number.isSafeInteger(n) && n >= 0)
  );
}

const DAMAGED = 'The file is damaged or not a safetensors file. Download or convert it again.';

function checkedHeaderLength(bytes: Uint8Array, fileSize: number, file: string): number {
  if (fileSize < LENGTH_BYTES || bytes.byteLength < LENGTH_BYTES) {
    throw truncated(file, `${fileSize} bytes are too short for a safetensors file`);
  }
  const length = new DataView(bytes.buffer, bytes.byteOffset, LENGTH_BYTES).getBigUint64(0, true);
  if (length > BigInt(MAX_HEADER_BYTES)) {
    const problem = `header length ${length} exceeds the limit of ${MAX_HEADER_BYTES} bytes`;
    throw new SafetensorsError('SAFETENSORS_HEADER_SIZE', file, problem, DAMAGED);
  }
  if (Number(length) > fileSize - LENGTH_BYTES) {
    throw truncated(
      file,
      `the header should have ${length} bytes, the file holds ${fileSize - LENGTH_BYTES}`,
    );
  }
  if (length === 0n || (bytes.byteLength > LENGTH_BYTES && bytes[LENGTH_BYTES] !== 0x7b)) {
    throw new SafetensorsError('SAFETENSORS_HEADER', file, "the header does not start with '{'", DAMAGED);
  }
  return Number(length);
}

function decodeUtf8(bytes: Uint8Array, file: string): string {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch (cause) {
    throw new SafetensorsError('SAFETENSORS_HEADER', file, 'the header is not valid UTF-8', DAMAGED, {
      cause,
    });
  }
}

function readMetadata(scanner: HeaderScanner, file: string): Map<string, string> {
  const fail = (problem: string) =>
    new SafetensorsError(
      'SAFETENSORS_METADATA',
      file,
      problem,
      'Convert the file again with text metadata only.',
    );
  const metadata = new Map<string, string>();
  if (scanner.null()) return metadata; // MLX writes null if there is no metadata
  if (scanner.peek() !== '{') throw fail(`${METADATA_KEY} is not an object`);
  scanner.object((key) => {
    checkName(key, file);
    if (metadata.has(key)) throw duplicate(file, key, METADATA_KEY);
    if (scanner.peek() !== '"') throw fail(`${METADATA_KEY} entry ${quote(key)} is not a string`);
    metadata.set(key, scanner.string());
  });
  return metadata;
}

function readTensor(
  scanner: HeaderScanner,
  name: string,
  dataBytes: number,
  file: string,
): SafetensorsTensor {
  let dtype: string | undefined;
  let shape: number[] | undefined;
  let offsets: number[] | undefined;
  scanner.object((key) => {
    switch (key) {
      case 'dtype':
        if (dtype !== undefined) throw duplicate(file, key, 'the tensor', name);
        dtype = scanner.string();
        return;
      case 'shape':
        if (shape) throw duplicate(file, key, 'the tensor', name);
        shape = scanner.naturals(MAX_RANK);
        return;
      case 'data_offsets':
        if (offsets) throw duplicate(file, key, 'the tensor', name);
        offsets = scanner.naturals(2);
        return;
      default:
        throw new SafetensorsError('SAFETENSORS_HEADER', file, `unknown field ${quote(key)}`, DAMAGED, {
          tensor: name,
        });
    }
  });
  return checkedTensor({ dtype, shape, offsets }, name, dataBytes, file);
}

interface Entry {
  readonly dtype: string | undefined;
  readonly shape: readonly number[] | undefined;
  readonly offsets: readonly number[] | undefined;
}

function checkedTensor(
  { dtype, shape, offsets }: Entry,
  name: string,
  dataBytes: number,
  file: string,
): SafetensorsTensor {
  const fail = (code: SafetensorsErrorCode, problem: string, remedy = DAMAGED) =>
    new SafetensorsError(code, file, problem, remedy, { tensor: name });
  if (dtype === undefined) throw fail('SAFETENSORS_HEADER', 'field "dtype" is missing');
  if (!shape) throw fail('SAFETENSORS_HEADER', 'field "shape" is missing');
  if (!offsets) throw fail('SAFETENSORS_HEADER', 'field "data_offsets" is missing');

  const elementBytes = DTYPE_BYTES.get(dtype);
  if (elementBytes === undefined) {
    const remedy = `Convert the file to one of ${[...DTYPE_BYTES.keys()].join(', ')}.`;
    throw fail('SAFETENSORS_DTYPE', `MLX has no dtype ${quote(dtype)}`, remedy);
  }
  const elements = countElements(shape);
  if (elements === undefined)
    throw fail('SAFETENSORS_SHAPE', `shape [${shape.join(', ')}] is larger than MLX can hold`);

  const [begin, end] = offsets;
  if (begin === undefined || end === undefined)
    throw fail('SAFETENSORS_OFFSETS', 'data_offsets needs two numbers');
  if (begin > end) throw fail('SAFETENSORS_OFFSETS', `data_offsets [${begin}, ${end}] are reversed`);
  const bytes = elements * elementBytes;
  if (bytes !== end - begin) {
    const problem = `${dtype}[${shape.join(', ')}] needs ${bytes} bytes, but data_offsets [${begin}, ${end}] span ${end - begin}`;
    throw fail('SAFETENSORS_OFFSETS', problem);
  }
  if (end > dataBytes) {
    throw fail(
      'SAFETENSORS_TRUNCATED',
      `data ends at byte ${end}, but the file holds ${dataBytes} bytes of data`,
    );
  }
  return { dtype, shape, begin, end };
}

/** Elements of `shape`, or undefined where a dimension or a stride does not fit MLX's integers. */
function countElements(shape: readonly number[]): number | undefined {
  let strides = 1; // counts an empty dimension as 1: [0, 2^31, 2^31, 2^31] has no elements but absurd strides
  for (const dimension of shape) {
    strides *= Math.max(dimension, 1);
    if (dimension > MAX_DIMENSION || strides * 8 > Number.MAX_SAFE_INTEGER) return undefined;
  }
  return shape.includes(0) ? 0 : strides;
}

/**
 * Requires that every byte of data belongs to exactly one tensor: sorted by begin, each starts where the
 * previous ends.
 */
function checkLayout(tensors: ReadonlyMap<string, SafetensorsTensor>, dataBytes: number, file: string): void {
  const sorted = [...tensors].sort(([, a], [, b]) => a.begin - b.begin || a.end - b.end);
  let position = 0;
  for (const [tensor, { begin, end }] of sorted) {
    if (begin !== position) {
      const problem =
        begin < position
          ? `data_offsets [${begin}, ${end}] overlap the previous tensor, which ends at ${position}`
          : `bytes ${position} to ${begin} before it belong to no tensor`;
      throw new SafetensorsError('SAFETENSORS_LAYOUT', file, problem, DAMAGED, { tensor });
    }
    position = end;
  }
  if (position !== dataBytes) {
    const problem = `${dataBytes - position} bytes at the end belong to no tensor`;
    throw new SafetensorsError('SAFETENSORS_LAYOUT', file, problem, DAMAGED);
  }
}

/** Names later become keys of plain objects, where `__proto__` would replace the prototype. */
function checkName(name: string, file: string): void {
  if (name !== '__proto__') return;
  throw new SafetensorsError('SAFETENSORS_NAME', file, 'a name may not be "__proto__"', DAMAGED, {
    tensor: name,
  });
}

function duplicate(file: string, key: string, where: string, tensor = key): SafetensorsError {
  const details = where === METADATA_KEY || tensor === METADATA_KEY ? {} : { tensor };
  const problem = `key ${quote(key)} occurs twice in ${where}`;
  return new SafetensorsError('SAFETENSORS_DUPLICATE_KEY', file, problem, DAMAGED, details);
}

function truncated(file: string, problem: string): SafetensorsError {
  return new SafetensorsError('SAFETENSORS_TRUNCATED', file, problem, 'Download the file again.');
}

function isMissing(error: unknown): boolean {
  return typeof error === 'object' && error !== null && 'code' in error && error.code === 'ENOENT';
}

function readExactly(fd: number, length: number): Buffer {
  const buffer = Buffer.alloc(length);
  return buffer.subarray(0, readInto(fd, buffer));
}

/** Fills `buffer` from the start of the file. @returns the number of bytes read */
function readInto(fd: number, buffer: Buffer): number {
  let filled = 0;
  while (filled < buffer.length) {
    const count = readSync(fd, buffer, filled, buffer.length - filled, filled);
    if (count === 0) break;
    filled += count;
  }
  return filled;
}

import { viewOf } from '../bytes.js';
import { type PositionedFile } from '../positioned-file.js';

/** An element of EBML, the binary format of Matroska and WebM (RFC 8794). */
export interface Element {
  readonly id: number;
  /** Offset of the content. */
  readonly start: number;
  /** Infinity if a live recording left the size open. */
  readonly end: number;
}

const WINDOW_BYTES = 64 * 1024;
/** The file ends at damage longer than this. */
const MAX_SEARCH_BYTES = 64 << 20;

/** Reads a file by position through a window, so that reading many small elements takes few system calls. */
export class EbmlReader {
  #window: Uint8Array = new Uint8Array(0);
  #windowStart = 0;

  readonly #source: PositionedFile;

  constructor(source: PositionedFile) {
    this.#source = source;
  }

  get size(): number {
    return this.#source.size;
  }

  /** Returns fewer bytes only at the end of the file. The bytes stay valid. */
  async read(position: number, length: number): Promise<Uint8Array> {
    const at = position - this.#windowStart;
    if (at >= 0 && at + length <= this.#window.length) return this.#window.subarray(at, at + length);
    this.#window = await this.#source.read(position, Math.max(length, WINDOW_BYTES));
    this.#windowStart = position;
    return this.#window.subarray(0, length);
  }

  /** Reads the element at `position`; undefined if there is none. */
  async element(position: number): Promise<Element | undefined> {
    return parseElement(await this.read(position, 12), position);
  }

  /** Finds the next occurrence of `id`, which has four bytes; undefined if none is within MAX_SEARCH_BYTES. */
  async find(id: number, from: number): Promise<number | undefined> {
    const until = Math.min(this.size, from + MAX_SEARCH_BYTES);
    for (let at = from; at < until; at += WINDOW_BYTES) {
      const bytes = await this.read(at, WINDOW_BYTES + 3); // three bytes more: the id may cross the boundary
      const view = viewOf(bytes);
      for (let i = 0; i + 4 <= bytes.length; i++) if (view.getUint32(i, false) === id) return at + i;
    }
    return undefined;
  }
}

function parseElement(bytes: Uint8Array, position: number): Element | undefined {
  const idLength = Math.clz32((bytes[0] ?? 0) << 24) + 1;
  if (idLength > 4) return undefined;
  const size = readVarInt(bytes, idLength);
  if (size === undefined) return undefined;
  let id = 0;
  for (let i = 0; i < idLength; i++) id = id * 256 + (bytes[i] ?? 0);
  const start = position + idLength + size.length;
  return { id, start, end: size.value === undefined ? Infinity : start + size.value };
}

/** Reads a variable-length integer; its leading zeros give the length, all ones mean "unknown". */
export function readVarInt(
  bytes: Uint8Array,
  at: number,
): { value: number | undefined; length: number } | undefined {
  const first = bytes[at] ?? 0;
  const length = Math.clz32(first << 24) + 1;
  if (length > 8 || at + length > bytes.length) return undefined;
  let value = first & (0xff >> length);
  let unknown = value === 0xff >> length;
  for (let i = 1; i < length; i++) {
    const byte = bytes[at + i] ?? 0;
    value = value * 256 + byte;
    unknown &&= byte === 0xff;
  }
  return { value: unknown ? undefined : value, length };
}

/** Yields the elements contained in `bytes`. */
export function* childrenOf(bytes: Uint8Array): Generator<{ id: number; data: Uint8Array }> {
  for (let at = 0; at < bytes.length;) {
    const element = parseElement(bytes.subarray(at, at + 12), at);
    if (element === undefined || element.end > bytes.length) return;
    yield { id: element.id, data: bytes.subarray(element.start, element.end) };
    at = element.end;
  }
}

export function unsigned(data: Uint8Array): number {
  return data.reduce((value, byte) => value * 256 + byte, 0);
}

export function signed(data: Uint8Array): number {
  const value = unsigned(data);
  return (data[0] ?? 0) >= 0x80 ? value - 256 ** data.length : value;
}

export function float(data: Uint8Array): number {
  const view = viewOf(data);
  return data.length === 4 ? view.getFloat32(0, false) : data.length === 8 ? view.getFloat64(0, false) : 0;
}

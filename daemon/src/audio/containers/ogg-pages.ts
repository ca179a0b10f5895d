import { join, viewOf } from '../bytes.js';
import { type PositionedFile } from '../positioned-file.js';

/** One page of an Ogg file (RFC 3533), with the packets that end on it. */
interface OggPage {
  readonly serial: number;
  /** Position in the codec's time base at the end of the last packet that ends here; undefined if none does. */
  readonly granule: number | undefined;
  readonly firstOfStream: boolean;
  readonly lastOfStream: boolean;
  readonly packets: readonly Uint8Array[];
}

const HEADER_BYTES = 27;
const CONTINUED = 1;
const FIRST = 2;
const LAST = 4;
const NO_GRANULE = 0xffffffffffffffffn;
/** A longer packet is dropped as damaged. */
const MAX_PACKET_BYTES = 1 << 20;

/** Length of the page at `at` with its header; undefined if the header is incomplete, 0 if there is no page. */
function pageLength(bytes: Uint8Array, at: number): number | undefined {
  for (let i = 0; i < 4; i++) {
    if (at + i >= bytes.length) return undefined;
    if (bytes[at + i] !== CAPTURE[i]) return 0;
  }
  const segments = bytes[at + 26];
  if (segments === undefined || at + HEADER_BYTES + segments > bytes.length) return undefined;
  let length = HEADER_BYTES + segments;
  for (let i = 0; i < segments; i++) length += bytes[at + HEADER_BYTES + i] ?? 0;
  return length;
}

const CAPTURE = [0x4f, 0x67, 0x67, 0x53]; // 'OggS'

/**
 * Yields the pages of a file in order. Skips other bytes between them.
 * @returns whether the file ends within a page, as the generator's return value
 */
export async function* readPages(source: PositionedFile): AsyncGenerator<OggPage, boolean> {
  let rest: Uint8Array = new Uint8Array(0);
  /** By stream: the start of a packet that continues on the next page. */
  const unfinished = new Map<number, Uint8Array>();
  for await (const piece of source.stream(0)) {
    const bytes = join(rest, piece);
    let at = 0;
    while (at < bytes.length) {
      const length = pageLength(bytes, at);
      if (length === 0) {
        at++;
        continue;
      }
      if (length === undefined || at + length > bytes.length) break;
      yield readPage(bytes.subarray(at, at + length), unfinished);
      at += length;
    }
    rest = bytes.subarray(at);
  }
  const part = completeSegments(rest);
  if (part !== undefined) yield readPage(part, unfinished);
  return rest.length > 0;
}

/** Turns a page that the end of the file cuts off into a page of its complete segments, without a granule. */
function completeSegments(bytes: Uint8Array): Uint8Array | undefined {
  const segments = bytes[26] ?? 0;
  let remaining = bytes.length - HEADER_BYTES - segments;
  if (remaining < 0) return undefined;
  let whole = 0;
  while (whole < segments && remaining >= (bytes[HEADER_BYTES + whole] ?? 0)) {
    remaining -= bytes[HEADER_BYTES + whole] ?? 0;
    whole++;
  }
  const part = join(bytes.slice(0, HEADER_BYTES + whole), bytes.subarray(HEADER_BYTES + segments));
  part[26] = whole;
  part[5] = (part[5] ?? 0) & ~LAST;
  part.fill(0xff, 6, 14);
  return part;
}

function readPage(bytes: Uint8Array, unfinished: Map<number, Uint8Array>): OggPage {
  const view = viewOf(bytes);
  const flags = view.getUint8(5);
  const granule = view.getBigUint64(6, true);
  const serial = view.getUint32(14, true);
  const segments = view.getUint8(26);
  let packet = unfinished.get(serial) ?? EMPTY;
  unfinished.delete(serial);
  // The end of a packet whose start is missing is dropped.
  let isOrphaned = (flags & CONTINUED) !== 0 && packet.length === 0;
  if ((flags & CONTINUED) === 0) packet = EMPTY;
  const packets: Uint8Array[] = [];
  let at = HEADER_BYTES + segments;
  for (let i = 0, start = at; i < segments; i++) {
    const size = view.getUint8(HEADER_BYTES + i);
    at += size;
    if (size === 255 && i < segments - 1) continue;
    packet = join(packet, bytes.subarray(start, at));
    start = at;
    if (size === 255) {
      if (!isOrphaned && packet.length <= MAX_PACKET_BYTES) unfinished.set(serial, packet);
    } else {
      if (!isOrphaned && packet.length <= MAX_PACKET_BYTES) packets.push(packet);
      isOrphaned = false;
      packet = EMPTY;
    }
  }
  return {
    serial,
    granule: granule === NO_GRANULE ? undefined : Number(BigInt.asIntN(64, granule)),
    firstOfStream: (flags & FIRST) !== 0,
    lastOfStream: (flags & LAST) !== 0,
    packets,
  };
}

const EMPTY = new Uint8Array(0);

const TAIL_BYTES = 128 * 1024; // two pages of the largest size

/** Reads the granule of the last page of stream `serial` from the end of the file. */
export async function lastGranule(source: PositionedFile, serial: number): Promise<number | undefined> {
  const start = Math.max(0, source.size - TAIL_BYTES);
  const bytes = await source.read(start, TAIL_BYTES);
  const view = viewOf(bytes);
  for (let at = bytes.length - HEADER_BYTES; at >= 0; at--) {
    if (bytes[at] !== 0x4f || pageLength(bytes, at) === 0) continue;
    const granule = view.getBigUint64(at + 6, true);
    if (view.getUint32(at + 14, true) === serial && granule !== NO_GRANULE) return Number(granule);
  }
  return undefined;
}

import { type EbmlReader, type Element, childrenOf, float, readVarInt, signed, unsigned } from './ebml.js';

// Element ids (RFC 9559).
const SEGMENT = 0x18538067;
const INFO = 0x1549a966;
const TRACKS = 0x1654ae6b;
const CLUSTER = 0x1f43b675;
const SIMPLE_BLOCK = 0xa3;
const BLOCK_GROUP = 0xa0;
const BLOCK = 0xa1;
const DISCARD_PADDING = 0x75a2;

/** A larger block is damage: a second of 32 channels of 192 kHz float is 24 MiB. */
const MAX_BLOCK_BYTES = 32 << 20;
/** Limit for each element that describes the file. */
const MAX_HEADER_BYTES = 16 << 20;

export interface MatroskaTrack {
  readonly number: number;
  readonly codecId: string;
  readonly codecPrivate: Uint8Array;
  readonly sampleRate: number;
  readonly channels: number;
  readonly bits: number;
  /** Bytes that the muxer removed from the front of every packet. */
  readonly strippedHeader: Uint8Array;
  /** Encrypted, or compressed in a way that is not used for audio. */
  readonly unreadable: boolean;
}

export interface MatroskaHead {
  readonly tracks: readonly MatroskaTrack[];
  readonly durationSeconds: number | undefined;
  /** The segment declares a size beyond the end of the file. */
  readonly endsEarly: boolean;
  /** Offset of the first cluster. */
  readonly packetsAt: number;
}

/** Reads everything before the first cluster; undefined if there is no segment. */
export async function readHead(reader: EbmlReader): Promise<MatroskaHead | undefined> {
  const header = await reader.element(0);
  const segment = header === undefined ? undefined : await reader.element(header.end);
  if (segment?.id !== SEGMENT) return undefined;
  let tracks: MatroskaTrack[] = [];
  let durationSeconds: number | undefined;
  let at = segment.start;
  for (let seen = 0; seen < 1000 && at < reader.size; seen++) {
    const element = await reader.element(at);
    if (element === undefined || element.id === CLUSTER || element.end > reader.size) break;
    if ((element.id === INFO || element.id === TRACKS) && element.end - element.start <= MAX_HEADER_BYTES) {
      const bytes = await reader.read(element.start, element.end - element.start);
      if (element.id === INFO) durationSeconds = readDuration(bytes);
      else
        tracks = [...childrenOf(bytes)]
          .filter(({ id }) => id === 0xae)
          .flatMap(({ data }) => readTrack(data));
    }
    at = element.end;
  }
  const endsEarly = segment.end !== Infinity && segment.end > reader.size;
  return { tracks, durationSeconds, endsEarly, packetsAt: at };
}

function readDuration(info: Uint8Array): number | undefined {
  let scale = 1_000_000; // ns
  let duration: number | undefined;
  for (const { id, data } of childrenOf(info)) {
    if (id === 0x2ad7b1) scale = unsigned(data);
    if (id === 0x4489) duration = float(data);
  }
  const seconds = duration === undefined ? NaN : (duration * scale) / 1e9;
  return seconds > 0 && Number.isFinite(seconds) ? seconds : undefined;
}

/** Reads a track entry; empty for video and subtitle tracks. */
function readTrack(entry: Uint8Array): MatroskaTrack[] {
  const track = {
    number: 0,
    codecId: '',
    codecPrivate: new Uint8Array(0),
    sampleRate: 8000,
    channels: 1,
    bits: 0,
    strippedHeader: new Uint8Array(0),
    unreadable: false,
  };
  let isAudio = false;
  for (const { id, data } of childrenOf(entry)) {
    if (id === 0xd7) track.number = unsigned(data);
    else if (id === 0x83) isAudio = unsigned(data) === 2;
    else if (id === 0x86) track.codecId = Buffer.from(data).toString('latin1').replace(/\0.*$/s, '');
    else if (id === 0x63a2) track.codecPrivate = data.slice();
    else if (id === 0xe1) readAudio(data, track);
    else if (id === 0x6d80) readEncodings(data, track);
  }
  return isAudio ? [track] : [];
}

function readAudio(audio: Uint8Array, track: { sampleRate: number; channels: number; bits: number }): void {
  for (const { id, data } of childrenOf(audio)) {
    if (id === 0xb5) track.sampleRate = float(data);
    else if (id === 0x9f) track.channels = unsigned(data);
    else if (id === 0x6264) track.bits = unsigned(data);
  }
}

const HEADER_STRIPPING = 3;

function readEncodings(
  encodings: Uint8Array,
  track: { strippedHeader: Uint8Array; unreadable: boolean },
): void {
  for (const { data: encoding } of childrenOf(encodings)) {
    for (const { id, data: part } of childrenOf(encoding)) {
      if (id === 0x5035) track.unreadable = true; // encryption
      if (id !== 0x5034) continue;
      const settings = [...childrenOf(part)];
      const algorithm = settings.find((setting) => setting.id === 0x4254);
      if (algorithm === undefined || unsigned(algorithm.data) !== HEADER_STRIPPING) track.unreadable = true;
      else
        track.strippedHeader =
          settings.find((setting) => setting.id === 0x4255)?.data.slice() ?? new Uint8Array(0);
    }
  }
}

interface MatroskaPacket {
  readonly data: Uint8Array;
  /** Nanoseconds of encoder padding at its end. */
  readonly discardNs: number;
}

/** Yields the packets of one track in order; skips from damage to the next cluster. */
export async function* readPackets(
  reader: EbmlReader,
  head: MatroskaHead,
  track: MatroskaTrack,
): AsyncGenerator<MatroskaPacket> {
  let pendingFrame: Uint8Array | undefined; // its DiscardPadding element, if any, follows it
  for (let at = head.packetsAt; at < reader.size;) {
    const element = await reader.element(at);
    if (element === undefined || isDamaged(element, reader.size)) {
      const next = await reader.find(CLUSTER, at + 1);
      if (next === undefined) break;
      at = next;
      continue;
    }
    const { id, start, end } = element;
    if (id === CLUSTER || id === BLOCK_GROUP || id === SEGMENT) {
      at = start; // descends into the children, so an open size does not matter
      continue;
    }
    if (id === DISCARD_PADDING && pendingFrame !== undefined) {
      yield { data: pendingFrame, discardNs: Math.max(0, signed(await reader.read(start, end - start))) };
      pendingFrame = undefined;
    } else if (id === BLOCK || id === SIMPLE_BLOCK) {
      for (const data of framesOf(await reader.read(start, end - start), track)) {
        if (pendingFrame !== undefined) yield { data: pendingFrame, discardNs: 0 };
        pendingFrame = data;
      }
    }
    at = end;
  }
  if (pendingFrame !== undefined) yield { data: pendingFrame, discardNs: 0 };
}

function isDamaged({ id, start, end }: Element, size: number): boolean {
  if (id === CLUSTER || id === BLOCK_GROUP || id === SEGMENT) return false;
  if (end > size) return true;
  return (id === BLOCK || id === SIMPLE_BLOCK || id === DISCARD_PADDING) && end - start > MAX_BLOCK_BYTES;
}

/** The frames of a block: one, or several laced together. Empty for another track or a broken block. */
function framesOf(block: Uint8Array, track: MatroskaTrack): Uint8Array[] {
  const number = readVarInt(block, 0);
  if (number === undefined || number.value !== track.number) return [];
  const flagsAt = number.length + 2; // after the timestamp
  const lacing = ((block[flagsAt] ?? 0) >> 1) & 3;
  const body = block.subarray(flagsAt + 1);
  const frames = lacing === 0 ? [body] : unlace(body, lacing);
  if (track.strippedHeader.length === 0) return frames;
  return frames.map((frame) => new Uint8Array(Buffer.concat([track.strippedHeader, frame])));
}

const XIPH = 1;
const FIXED = 2;

function unlace(body: Uint8Array, lacing: number): Uint8Array[] {
  const count = (body[0] ?? 0) + 1;
  let at = 1;
  const sizes: number[] = [];
  for (let i = 0; i < count - 1; i++) {
    let size = 0;
    if (lacing === FIXED) {
      size = Math.floor((body.length - 1) / count);
    } else if (lacing === XIPH) {
      for (let part = 255; part === 255; size += part) part = body[at++] ?? 0;
    } else {
      const number = readVarInt(body, at);
      if (number?.value === undefined) return [];
      // The first size is absolute, the others are differences, biased by half their range.
      size = i === 0 ? number.value : (sizes[i - 1] ?? 0) + number.value - (2 ** (7 * number.length - 1) - 1);
      at += number.length;
    }
    if (size < 0) return [];
    sizes.push(size);
  }
  const frames: Uint8Array[] = [];
  for (const size of sizes) {
    frames.push(body.subarray(at, at + size));
    at += size;
  }
  frames.push(body.subarray(at));
  return at <= body.length ? frames : [];
}

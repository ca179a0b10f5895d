/**
 * Checks the counts in the tables of an MP4 before a demuxer reads them. mediabunny creates an object for each sample
 * that they declare: a file of a kilobyte can declare four billion, and V8 aborts a process that runs out of memory.
 */
import { SottoError } from '../../protocol/errors.js';
import { fourCc, viewOf } from '../bytes.js';
import { type PositionedFile, quotePath } from '../positioned-file.js';

/** The index is read as a whole. That of 30 hours of video is smaller. */
const MAX_INDEX_BYTES = 60 << 20;
/** Limit for an audio track: 24 hours of AAC at 48 kHz are 4 million packets. */
const MAX_SAMPLES = 4_500_000;
/** Limit for a fragment: an hour of AAC is 170,000. */
const MAX_FRAGMENT_SAMPLES = 1_000_000;

const CONTAINERS = ['moov', 'trak', 'mdia', 'minf', 'stbl', 'moof', 'traf'];
const MAX_DEPTH = 16;
const MAX_BOXES = 100_000;

/** Counts that the tables of one track declare. */
interface TrackClaims {
  isAudio: boolean;
  timed: number;
  composed: number;
  chunks: number;
  lastChunk: number;
}

/**
 * @param start offset of a `moov` or `moof` box
 * @param end offset of the first byte after it
 * @throws SottoError AUDIO_UNSUPPORTED for an index that no real file has
 */
export async function checkMp4Index(source: PositionedFile, start: number, end: number): Promise<void> {
  if (end - start > MAX_INDEX_BYTES) throw brokenMp4Error(source, `an index of ${end - start} bytes`);
  await new IndexCheck(source).boxes(start, end, undefined, 0);
}

class IndexCheck {
  #seen = 0;

  constructor(readonly source: PositionedFile) {}

  async boxes(start: number, end: number, claims: TrackClaims | undefined, depth: number): Promise<void> {
    for (let at = start; at + 8 <= end;) {
      this.#seen += 1;
      if (this.#seen > MAX_BOXES || depth > MAX_DEPTH)
        throw brokenMp4Error(this.source, 'too many boxes in its index');
      const head = viewOf(await this.source.read(at, 16));
      const wide = head.getUint32(0, false) === 1 && head.byteLength === 16;
      const size = wide ? Number(head.getBigUint64(8, false)) : head.getUint32(0, false);
      const boxEnd = size === 0 ? end : Math.min(end, at + size);
      const body = at + (wide ? 16 : 8);
      if (boxEnd <= at + 7) return; // not a box
      await this.#box(fourCc(head, 4), body, boxEnd, claims, depth);
      at = boxEnd;
    }
  }

  async #box(
    name: string,
    start: number,
    end: number,
    claims: TrackClaims | undefined,
    depth: number,
  ): Promise<void> {
    if (name === 'trak') {
      const track: TrackClaims = { isAudio: false, timed: 0, composed: 0, chunks: 0, lastChunk: 0 };
      await this.boxes(start, end, track, depth + 1);
      this.#checkClaims(track);
    } else if (CONTAINERS.includes(name)) {
      await this.boxes(start, end, claims, depth + 1);
    } else if (claims !== undefined) {
      await this.#table(name, start, end, claims);
    } else {
      await this.#run(name, start);
    }
  }

  /** Checks a table of a track: version and flags, a count, entries. */
  async #table(name: string, start: number, end: number, claims: TrackClaims): Promise<void> {
    if (name === 'hdlr')
      claims.isAudio ||= fourCc(viewOf(await this.source.read(start + 8, 4)), 0) === 'soun';
    else if (name === 'stts') claims.timed += await this.#sum(start, end);
    else if (name === 'ctts') claims.composed += await this.#sum(start, end);
    else if (name === 'stco' || name === 'co64') claims.chunks += await this.#uint32(start + 4);
    else if (name === 'stsc')
      claims.lastChunk = Math.max(claims.lastChunk, await this.#lastChunk(start, end));
    // Sizes of 0 bits need no data, so any count would fit into the file.
    else if (name === 'stz2' && ((await this.#uint32(start + 4)) & 0xff) === 0) {
      throw brokenMp4Error(this.source, 'sample sizes of 0 bits');
    }
  }

  /** Checks a run of samples of a fragment: it may declare more samples than it has entries. */
  async #run(name: string, start: number): Promise<void> {
    if (name !== 'trun' && name !== 'saiz') return;
    let countAt = start + 4;
    if (name === 'saiz') countAt += ((await this.#uint32(start)) & 1) === 1 ? 9 : 1;
    const samples = await this.#uint32(countAt);
    if (samples > MAX_FRAGMENT_SAMPLES)
      throw brokenMp4Error(this.source, `${samples} samples in one fragment`);
  }

  #checkClaims({ isAudio, timed, composed, chunks, lastChunk }: TrackClaims): void {
    if (!isAudio) return;
    if (composed > 0 && Math.max(timed, composed) > MAX_SAMPLES)
      throw brokenMp4Error(this.source, `${Math.max(timed, composed)} samples in its index`);
    if (lastChunk > chunks + 1)
      throw brokenMp4Error(this.source, `${lastChunk} chunks in an index of ${chunks}`);
  }

  /** Sums the counts of a table whose entries are pairs of count and value. */
  async #sum(start: number, end: number): Promise<number> {
    let sum = 0;
    for await (const entries of this.#entries(start, end, 8)) {
      for (let at = 0; at + 8 <= entries.byteLength; at += 8) sum += entries.getUint32(at, false);
    }
    return sum;
  }

  async #lastChunk(start: number, end: number): Promise<number> {
    let last = 0;
    for await (const entries of this.#entries(start, end, 12)) {
      for (let at = 0; at + 12 <= entries.byteLength; at += 12)
        last = Math.max(last, entries.getUint32(at, false));
    }
    return last;
  }

  /** Yields pieces of complete entries, limited by both the count and the size of the box. */
  async *#entries(start: number, end: number, entryBytes: number): AsyncGenerator<DataView> {
    const count = await this.#uint32(start + 4);
    const last = Math.min(end, start + 8 + count * entryBytes);
    for await (const piece of this.source.stream(start + 8, last, entryBytes * 4096)) yield viewOf(piece);
  }

  async #uint32(at: number): Promise<number> {
    const view = viewOf(await this.source.read(at, 4));
    return view.byteLength === 4 ? view.getUint32(0, false) : 0;
  }
}

export function brokenMp4Error(source: PositionedFile, claim: string): SottoError {
  return new SottoError('AUDIO_UNSUPPORTED', `${quotePath(source.path)} has a broken MP4 header: ${claim}`, {
    hint: 'export or convert it again',
  });
}

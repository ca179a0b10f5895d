import { fourCc, viewOf } from '../bytes.js';
import { brokenMp4Error, checkMp4Index } from './mp4-tables.js';
import { type PositionedFile } from '../positioned-file.js';

/** The top-level structure of the file, checked before a demuxer reads it. */
export interface ContainerState {
  /** A box reaches beyond the end of the file. */
  readonly endsEarly: boolean;
  /** The index (`moov`) is present; without it nothing can be decoded. */
  readonly hasIndex: boolean;
  /** End of the media and index boxes: a demuxer must not read beyond it. */
  readonly end: number;
}

const MAX_BOXES = 100_000; // fragments of a day-long live recording

/**
 * Checks the top-level boxes of MP4 and QuickTime.
 *
 * @throws SottoError AUDIO_UNSUPPORTED for an index with impossible counts
 */
export async function checkMp4(source: PositionedFile): Promise<ContainerState> {
  let hasIndex = false;
  let end = source.size;
  const seekTables = new Set<number>();
  for (let at = 0, seen = 0; at + 8 <= source.size && seen < MAX_BOXES; seen++) {
    const head = viewOf(await source.read(at, 16));
    const name = fourCc(head, 4);
    let size = head.getUint32(0, false);
    if (size === 1) {
      if (head.byteLength < 16) return { endsEarly: true, hasIndex, end };
      size = Number(head.getBigUint64(8, false));
    } else if (size === 0) {
      size = source.size - at; // reaches to the end
    }
    if (size < 8) {
      end = at;
      break;
    }
    const whole = at + size <= source.size;
    if ((name === 'moov' || name === 'moof') && whole) await checkMp4Index(source, at, at + size);
    if (name === 'moov' && whole) hasIndex = true;
    if (name === 'mfra' && whole) seekTables.add(at);
    if (!whole && !/^[\x20-\x7e]{4}$/.test(name)) break; // not a box
    if (!whole) return { endsEarly: true, hasIndex, end };
    at += size;
  }
  return { endsEarly: false, hasIndex, end: await withoutSeekTable(source, end, seekTables) };
}

/**
 * Returns the file size without the table of fragments (`mfra`), whose length is the last number of the file. Decoding
 * from the start does not need the table, and it may point to fragments that were not checked.
 */
async function withoutSeekTable(
  source: PositionedFile,
  size: number,
  seekTables: ReadonlySet<number>,
): Promise<number> {
  for (let end = size; ;) {
    if (end < 16) return end;
    const start = end - viewOf(await source.read(end - 4, 4)).getUint32(0, false);
    if (start < 0 || start > end - 16) return end;
    if (fourCc(viewOf(await source.read(start, 8)), 4) !== 'mfra') return end;
    if (!seekTables.has(start)) throw brokenMp4Error(source, 'a table of fragments inside another box');
    end = start;
  }
}

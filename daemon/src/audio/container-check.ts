import { fourCc, viewOf } from './bytes.js';
import { type FileSource } from './source.js';

/** What a look at the outermost structure tells, before a demuxer sees the file. */
export interface ContainerState {
  /** Part of it lies beyond the end of the file. */
  readonly endsEarly: boolean;
  /** The table of contents is there; without it nothing can be decoded. */
  readonly hasIndex: boolean;
}

const MAX_BOXES = 100_000; // fragments of a day-long live recording

/** The top-level boxes of MP4 and QuickTime. */
export async function checkMp4(source: FileSource): Promise<ContainerState> {
  let hasIndex = false;
  for (let at = 0, seen = 0; at + 8 <= source.size && seen < MAX_BOXES; seen++) {
    const head = viewOf(await source.read(at, 16));
    const name = fourCc(head, 4);
    let size = head.getUint32(0, false);
    if (size === 1) {
      if (head.byteLength < 16) return { endsEarly: true, hasIndex };
      size = Number(head.getBigUint64(8, false));
    } else if (size === 0) {
      size = source.size - at; // reaches to the end
    }
    if (size < 8) break; // rubbish behind the last box
    const whole = at + size <= source.size;
    if (name === 'moov' && whole) hasIndex = true;
    if (!whole && !/^[\x20-\x7e]{4}$/.test(name)) break; // rubbish, too
    if (!whole) return { endsEarly: true, hasIndex };
    at += size;
  }
  return { endsEarly: false, hasIndex };
}

const SEGMENT = 0x18538067;

/** The outermost elements of Matroska and WebM: a header, and one segment with everything in it. */
export async function checkMatroska(source: FileSource): Promise<ContainerState> {
  const header = await readElement(source, 0);
  const segment = header === undefined ? undefined : await readElement(source, header.end);
  if (segment === undefined || segment.id !== SEGMENT) return { endsEarly: true, hasIndex: false };
  return { endsEarly: segment.end > source.size, hasIndex: true };
}

/** Id and end of the element at `at`; a size left open (a live recording) ends with the file. */
async function readElement(source: FileSource, at: number): Promise<{ id: number; end: number } | undefined> {
  const bytes = await source.read(at, 12);
  const idLength = Math.clz32((bytes[0] ?? 0) << 24) + 1;
  const sizeAt = idLength;
  const sizeLength = Math.clz32((bytes[sizeAt] ?? 0) << 24) + 1;
  if (idLength > 4 || sizeLength > 8 || bytes.length < sizeAt + sizeLength) return undefined;
  let id = 0;
  for (let i = 0; i < idLength; i++) id = id * 256 + (bytes[i] ?? 0);
  let size = (bytes[sizeAt] ?? 0) & (0xff >> sizeLength);
  let open = size === 0xff >> sizeLength;
  for (let i = 1; i < sizeLength; i++) {
    const byte = bytes[sizeAt + i] ?? 0;
    size = size * 256 + byte;
    open &&= byte === 0xff;
  }
  return { id, end: open ? source.size : at + sizeAt + sizeLength + size };
}

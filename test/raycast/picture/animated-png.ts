/**
 * Joins pictures of one size into an animated PNG, which browsers and GitHub play.
 * Source: Portable Network Graphics specification, third edition, "APNG".
 */
import { crc32 } from 'node:zlib';

export interface AnimationFrame {
  readonly png: Buffer;
  /** How long the frame is shown. */
  readonly ms: number;
}

interface Chunk {
  readonly type: string;
  readonly data: Buffer;
}

const SIGNATURE = Buffer.from('89504e470d0a1a0a', 'hex');
const HEADER_BYTES = 8;
const CRC_BYTES = 4;
const WHOLE_CANVAS = [0, 0] as const;

/**
 * @param frames at least one; it plays in a loop
 * @throws RangeError if there is no frame, or if the frames differ in size or color type
 */
export function animatedPng(frames: readonly AnimationFrame[]): Buffer {
  const parsed = frames.map(({ png, ms }) => ({ chunks: chunksOf(png), ms }));
  const header = parsed[0]?.chunks.find(({ type }) => type === 'IHDR')?.data;
  if (header === undefined) throw new RangeError('an animation needs a PNG frame');
  const output = [SIGNATURE, chunk('IHDR', header), chunk('acTL', uint32(frames.length, 0))];
  let sequence = 0;
  for (const [index, { chunks, ms }] of parsed.entries()) {
    if (chunks.find(({ type }) => type === 'IHDR')?.data.equals(header) !== true) {
      throw new RangeError('the frames of an animation have one size and color type');
    }
    output.push(chunk('fcTL', frameControl(sequence++, header, ms)));
    for (const { data } of chunks.filter(({ type }) => type === 'IDAT')) {
      // The first frame is also the picture for programs that show no animation.
      output.push(
        index === 0 ? chunk('IDAT', data) : chunk('fdAT', Buffer.concat([uint32(sequence++), data])),
      );
    }
  }
  return Buffer.concat([...output, chunk('IEND', Buffer.alloc(0))]);
}

/** The whole canvas, replaced, for `ms`. */
function frameControl(sequence: number, header: Buffer, ms: number): Buffer {
  const delay = Buffer.alloc(6);
  delay.writeUInt16BE(Math.min(Math.round(ms), 0xffff), 0);
  delay.writeUInt16BE(1000, 2);
  const [width, height] = [header.readUInt32BE(0), header.readUInt32BE(4)];
  return Buffer.concat([uint32(sequence, width, height, ...WHOLE_CANVAS), delay]);
}

function uint32(...values: readonly number[]): Buffer {
  const bytes = Buffer.alloc(4 * values.length);
  for (const [index, value] of values.entries()) bytes.writeUInt32BE(value, 4 * index);
  return bytes;
}

function chunk(type: string, data: Buffer): Buffer {
  const body = Buffer.concat([Buffer.from(type, 'latin1'), data]);
  return Buffer.concat([uint32(data.length), body, uint32(crc32(body))]);
}

/** @throws RangeError if the bytes are not a PNG file */
export function chunksOf(png: Buffer): Chunk[] {
  if (!png.subarray(0, SIGNATURE.length).equals(SIGNATURE)) throw new RangeError('not a PNG file');
  const chunks: Chunk[] = [];
  for (let start = SIGNATURE.length; start + HEADER_BYTES + CRC_BYTES <= png.length;) {
    const end = start + HEADER_BYTES + png.readUInt32BE(start);
    const type = png.toString('latin1', start + 4, start + HEADER_BYTES);
    chunks.push({ type, data: png.subarray(start + HEADER_BYTES, end) });
    start = end + CRC_BYTES;
  }
  return chunks;
}

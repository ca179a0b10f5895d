// Distinguishes pictures drawn by our own Raycast host from those taken with Raycast's capture tool. The Store accepts
// only the latter, so each drawn PNG has a tEXt chunk that marks it.
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { crc32 } from 'node:zlib';

const SIGNATURE_BYTES = 8;
const LENGTH_AND_TYPE_BYTES = 8;
const CRC_BYTES = 4;
const DRAWN_MARK = Buffer.from(
  'Source\0Drawn by the Raycast host of the tests, not captured in Raycast',
  'latin1',
);

/** Writes the mark into a PNG file, after its header chunk. */
export function markDrawn(file) {
  const png = readFileSync(file);
  const [header] = chunksOf(png);
  if (header?.type !== 'IHDR') throw new Error(`${file} is not a PNG file`);
  const body = Buffer.concat([Buffer.from('tEXt', 'latin1'), DRAWN_MARK]);
  const chunk = Buffer.alloc(4 + body.length + CRC_BYTES);
  chunk.writeUInt32BE(DRAWN_MARK.length, 0);
  body.copy(chunk, 4);
  chunk.writeUInt32BE(crc32(body), 4 + body.length);
  writeFileSync(file, Buffer.concat([png.subarray(0, header.end), chunk, png.subarray(header.end)]));
}

/** Names of the PNG files in a folder that have the mark. */
export function drawnPictures(folder) {
  return readdirSync(folder)
    .filter((name) => name.endsWith('.png') && isDrawn(readFileSync(path.join(folder, name))))
    .sort();
}

const isDrawn = (png) =>
  [...chunksOf(png)].some(({ type, data }) => type === 'tEXt' && Buffer.compare(data, DRAWN_MARK) === 0);

function* chunksOf(png) {
  for (let start = SIGNATURE_BYTES; start + LENGTH_AND_TYPE_BYTES + CRC_BYTES <= png.length;) {
    const length = png.readUInt32BE(start);
    const data = start + LENGTH_AND_TYPE_BYTES;
    const end = data + length + CRC_BYTES;
    yield { type: png.toString('latin1', start + 4, data), data: png.subarray(data, data + length), end };
    start = end;
  }
}

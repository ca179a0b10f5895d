import { type PositionedFile } from './positioned-file.js';

/** Returns the length of the frame at `at` in bytes and samples; undefined if there is none. */
type FrameAt = (
  bytes: Uint8Array,
  at: number,
) => { readonly bytes: number; readonly samples: number } | undefined;

const PROBES = 8;
const PROBE_BYTES = 8 * 1024;

/** Estimates the samples of a stream without an index from the frames at a few positions. */
export async function estimateSamples(
  source: PositionedFile,
  start: number,
  end: number,
  frameAt: FrameAt,
): Promise<number> {
  let bytesSeen = 0;
  let samplesSeen = 0;
  for (let probe = 0; probe < PROBES; probe++) {
    const bytes = await source.read(start + Math.floor(((end - start) * probe) / PROBES), PROBE_BYTES);
    for (let at = 0; at < bytes.length;) {
      const frame = frameAt(bytes, at);
      // A sync word may occur by chance; two consecutive frames rarely do.
      if (
        frame === undefined ||
        (at + frame.bytes < bytes.length && frameAt(bytes, at + frame.bytes) === undefined)
      ) {
        at++;
        continue;
      }
      bytesSeen += frame.bytes;
      samplesSeen += frame.samples;
      at += frame.bytes;
    }
  }
  return bytesSeen === 0 ? 0 : ((end - start) / bytesSeen) * samplesSeen;
}

/** End of the stream: before a trailing ID3v1 tag, if there is one. */
export async function endOfFrames(source: PositionedFile): Promise<number> {
  const tail = await source.read(source.size - 128, 3);
  return String.fromCharCode(...tail) === 'TAG' ? source.size - 128 : source.size;
}

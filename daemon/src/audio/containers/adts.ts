import { parseAdtsHeader } from '../aac/aac-config.js';
import { join } from '../bytes.js';
import { endOfFrames, estimateSamples } from '../frame-scan.js';
import { aacPackets } from '../packet-decoder.js';
import { type PcmSource } from '../pcm-source.js';
import { adtsFrameLength } from '../sniff.js';
import { type PositionedFile } from '../positioned-file.js';

const FRAME_SAMPLES = 1024;

/** Opens a bare AAC stream (.aac). @param start offset of the first frame */
export async function openAdts(source: PositionedFile, start: number): Promise<PcmSource> {
  const config = parseAdtsHeader(await source.read(start, 7));
  const end = await endOfFrames(source);
  const samples = await estimateSamples(source, start, end, (bytes, at) => {
    const length = adtsFrameLength(bytes, at);
    return length === 0 ? undefined : { bytes: length, samples: FRAME_SAMPLES };
  });
  return {
    container: 'adts',
    codec: 'aac',
    sampleRate: config.sampleRate,
    channels: config.channels,
    durationSeconds: samples > 0 ? samples / config.sampleRate : undefined,
    async *blocks() {
      const decoder = aacPackets(config);
      for await (const frames of adtsFrames(source, start, end)) {
        if (frames.length > 0) yield await decoder.decode(frames);
      }
    },
  };
}

/** Yields the frames without their headers, those of one piece of the file at a time. */
async function* adtsFrames(source: PositionedFile, start: number, end: number): AsyncGenerator<Uint8Array[]> {
  let rest: Uint8Array = new Uint8Array(0);
  for await (const piece of source.stream(start, end, 16 * 1024)) {
    const bytes = join(rest, piece);
    const frames: Uint8Array[] = [];
    let at = 0;
    while (at + 7 <= bytes.length) {
      const length = adtsFrameLength(bytes, at);
      if (length === 0) {
        at++; // out of sync: search for the next sync word
        continue;
      }
      if (at + length > bytes.length) break;
      frames.push(bytes.subarray(at + ((bytes[at + 1] ?? 0) & 1 ? 7 : 9), at + length));
      at += length;
    }
    rest = bytes.subarray(at);
    yield frames;
  }
}

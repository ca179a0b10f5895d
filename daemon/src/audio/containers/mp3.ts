import { MPEGDecoder } from 'mpg123-decoder';
import { viewOf } from '../bytes.js';
import { endOfFrames, estimateSamples } from '../frame-scan.js';
import { type PcmSource } from '../pcm-source.js';
import { withoutConsoleError } from '../without-console-error.js';
import { truncatedError } from '../raw-pcm.js';
import { type Mp3Frame, mp3Frame } from '../sniff.js';
import { type PositionedFile } from '../positioned-file.js';

/** Decoder delay, to be added to the encoder delay in the header (528 + 1 in the reference). */
const DECODER_DELAY = 529;

/** Opens MPEG-1, -2 and -2.5 audio, layers I to III. @param start offset of the first frame */
export async function openMp3(source: PositionedFile, start: number): Promise<PcmSource> {
  const head = await source.read(start, 4096);
  const frame = mp3Frame(head, 0);
  if (frame === undefined) throw new Error('no MPEG audio frame');
  const end = await endOfFrames(source);
  const info = readInfoFrame(head, frame);
  const samples = info?.samples ?? (await estimateSamples(source, start, end, mp3Frame));

  return {
    container: 'mp3',
    codec: 'mp3',
    sampleRate: frame.sampleRate,
    channels: frame.channels,
    durationSeconds: samples > 0 ? samples / frame.sampleRate : undefined,
    async *blocks() {
      const decoder = new MPEGDecoder(); // trims the encoder padding if the info frame gives it
      await decoder.ready;
      let decodedSamples = 0;
      try {
        for await (const bytes of source.stream(start, end, 16 * 1024)) {
          const { channelData, samplesDecoded, sampleRate } = withoutConsoleError(() =>
            decoder.decode(bytes),
          );
          if (samplesDecoded === 0) continue;
          decodedSamples += samplesDecoded;
          yield { channels: channelData.slice(0, frame.channels), sampleRate };
        }
      } finally {
        decoder.free();
      }
      if (info !== undefined && info.samples - decodedSamples > 3 * frame.samples)
        throw truncatedError(source.path);
    },
  };
}

/** Reads the number of samples from the info frame of LAME (Xing, Info) or Fraunhofer (VBRI) before the audio. */
function readInfoFrame(head: Uint8Array, frame: Mp3Frame): { samples: number } | undefined {
  const view = viewOf(head);
  const nameAt = (at: number) => String.fromCharCode(...head.subarray(at, at + 4));
  if (nameAt(36) === 'VBRI' && head.length >= 54) {
    return { samples: view.getUint32(50, false) * frame.samples };
  }
  const at = frame.xingAt;
  if ((nameAt(at) !== 'Xing' && nameAt(at) !== 'Info') || head.length < at + 160) return undefined;
  const flags = view.getUint32(at + 4, false);
  if ((flags & 1) === 0) return undefined;
  const total = view.getUint32(at + 8, false) * frame.samples;
  // After the fields that the flags declare, LAME writes its name and, at offset 21, delay and padding (12 bits each).
  const lame =
    at +
    8 +
    ((flags & 1) !== 0 ? 4 : 0) +
    ((flags & 2) !== 0 ? 4 : 0) +
    ((flags & 4) !== 0 ? 100 : 0) +
    ((flags & 8) !== 0 ? 4 : 0);
  const packed = view.getUint32(lame + 20, false) & 0xffffff;
  const [delay, padding] = [packed >>> 12, packed & 0xfff];
  const trimmed = head[lame] === 0 ? 0 : delay + DECODER_DELAY + Math.max(0, padding - DECODER_DELAY);
  return total > trimmed ? { samples: total - trimmed } : undefined;
}

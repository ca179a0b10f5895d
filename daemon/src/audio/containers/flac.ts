import { FLACDecoder } from '@wasm-audio-decoders/flac';
import { SottoError } from '../../protocol/errors.js';
import { viewOf } from '../bytes.js';
import { type PcmSource } from '../pcm-source.js';
import { withoutConsoleError } from '../without-console-error.js';
import { truncatedError } from '../raw-pcm.js';
import { type PositionedFile, quotePath } from '../positioned-file.js';

const STREAMINFO_BYTES = 34;
const MAX_METADATA_BLOCKS = 1000;

/** The STREAMINFO block, and the offset of the first audio frame. */
interface StreamInfo {
  readonly sampleRate: number;
  readonly channels: number;
  readonly bits: number;
  /** 0 if the encoder did not know it. */
  readonly totalFrames: number;
  readonly maxBlockFrames: number;
  readonly audioStart: number;
}

/** Opens native FLAC. @param start offset of 'fLaC', not 0 after an ID3 tag */
export async function openFlac(source: PositionedFile, start = 0): Promise<PcmSource> {
  const info = await readStreamInfo(source, start);
  return {
    container: 'flac',
    codec: 'flac',
    sampleRate: info.sampleRate,
    channels: info.channels,
    durationSeconds: info.totalFrames > 0 ? info.totalFrames / info.sampleRate : undefined,
    async *blocks() {
      const decoder = new FLACDecoder();
      await decoder.ready;
      let decodedFrames = 0;
      try {
        for await (const bytes of frameBytes(source, info.audioStart)) {
          const { channelData, samplesDecoded } = await withoutConsoleError(() => decoder.decode(bytes));
          decodedFrames += samplesDecoded;
          if (samplesDecoded === 0) continue;
          for (const samples of channelData) rescale(samples, info.bits);
          yield { channels: channelData, sampleRate: info.sampleRate };
        }
      } finally {
        decoder.free();
      }
      if (
        info.totalFrames - decodedFrames > 2 * info.maxBlockFrames ||
        (decodedFrames === 0 && info.totalFrames > 0)
      ) {
        throw truncatedError(source.path);
      }
    },
  };
}

/**
 * Yields the audio frames, without the metadata (the decoder searches for sync codes, so pictures would slow it down)
 * and without a trailing ID3v1 tag. The decoder emits a frame when it sees the header of the next one, and its own
 * flush drops a short last frame, so the header of the first frame is repeated after the last one.
 */
async function* frameBytes(source: PositionedFile, start: number): AsyncGenerator<Uint8Array> {
  const tail = await source.read(source.size - 128, 3);
  const tagged = String.fromCharCode(...tail) === 'TAG';
  yield* source.stream(start, tagged ? source.size - 128 : source.size);
  const head = await source.read(start, 16);
  const endMarker = new Uint8Array(64);
  endMarker.set(head.subarray(0, frameHeaderLength(head)));
  yield endMarker;
}

/** Length of the frame header at the start of `bytes` (RFC 9639 §9.1), which varies after four fixed bytes. */
function frameHeaderLength(bytes: Uint8Array): number {
  const [, , sizes = 0, , coded = 0] = bytes;
  const numberBytes = coded < 0x80 ? 1 : Math.clz32(~(coded << 24)); // leading ones, as in UTF-8
  const blockSizeBytes = sizes >> 4 === 6 ? 1 : sizes >> 4 === 7 ? 2 : 0;
  const rateBytes = (sizes & 15) === 12 ? 1 : (sizes & 15) === 13 || (sizes & 15) === 14 ? 2 : 0;
  return 4 + numberBytes + blockSizeBytes + rateBytes + 1; // 1: checksum
}

/** Corrects the scale in place: the decoder divides by 2^(bits−1) − 1, the reference by 2^(bits−1). */
export function rescale(samples: Float32Array, bits: number): void {
  const decoderScale = 2 ** (bits - 1) - 1;
  const scale = 1 / 2 ** (bits - 1);
  for (let i = 0; i < samples.length; i++)
    samples[i] = Math.round((samples[i] as number) * decoderScale) * scale;
}

async function readStreamInfo(source: PositionedFile, start: number): Promise<StreamInfo> {
  let info: Omit<StreamInfo, 'audioStart'> | undefined;
  for (let at = start + 4, seen = 0; seen < MAX_METADATA_BLOCKS; seen++) {
    const head = await source.read(at, 4);
    const [flags = 0, high = 0, middle = 0, low = 0] = head;
    const length = (high << 16) | (middle << 8) | low;
    if (head.length < 4 || at + 4 + length > source.size) throw truncatedError(source.path);
    if ((flags & 0x7f) === 0 && length >= STREAMINFO_BYTES) {
      info = parseStreamInfo(await source.read(at + 4, STREAMINFO_BYTES));
    }
    at += 4 + length;
    if ((flags & 0x80) === 0) continue;
    if (info === undefined || info.sampleRate === 0) break;
    if (info.bits > 24) {
      throw new SottoError('AUDIO_UNSUPPORTED', `${quotePath(source.path)} is a ${info.bits}-bit FLAC file`, {
        hint: 'convert it to 16 or 24 bits',
      });
    }
    if (at >= source.size && info.totalFrames === 0) {
      throw new SottoError('AUDIO_EMPTY', `${quotePath(source.path)} is a FLAC file without audio`, {
        hint: 'record or export it again',
      });
    }
    return { ...info, audioStart: at };
  }
  throw new SottoError('AUDIO_UNSUPPORTED', `${quotePath(source.path)} has a broken FLAC header`, {
    hint: 'export or convert it again',
  });
}

function parseStreamInfo(bytes: Uint8Array): Omit<StreamInfo, 'audioStart'> {
  const view = viewOf(bytes);
  const packed = view.getUint32(10, false); // 20 bits rate, 3 bits channels − 1, 5 bits depth − 1, 4 bits total
  return {
    sampleRate: packed >>> 12,
    channels: ((packed >>> 9) & 7) + 1,
    bits: ((packed >>> 4) & 31) + 1,
    totalFrames: (packed & 15) * 2 ** 32 + view.getUint32(14, false),
    maxBlockFrames: view.getUint16(2, false),
  };
}

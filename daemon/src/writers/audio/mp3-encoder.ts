/** MP3 at a constant rate, by LAME. */
import { createMp3Encoder, type WasmMediaEncoder } from 'wasm-media-encoders/esnext';
import type { AudioFileEncoder } from './audio-file-encoder.js';

/** Hz, in the order of their codes within a version of MPEG. */
const VERSIONS = [
  { rates: [44_100, 48_000, 32_000], version: 0xfb, frameSamples: 1152, sideInfoBytes: 17 },
  { rates: [22_050, 24_000, 16_000], version: 0xf3, frameSamples: 576, sideInfoBytes: 9 },
  { rates: [11_025, 12_000, 8_000], version: 0xe3, frameSamples: 576, sideInfoBytes: 9 },
] as const;
const RATES: readonly number[] = VERSIONS.flatMap(({ rates }) => [...rates]).sort((a, b) => a - b);
const MAX_RATE = 48_000;

/** Thousands of bits per second, ample for one channel, and their codes in MPEG-1 and in the later versions. */
const FULL_BAND = { kilobits: 128, code: 9 } as const;
const HALF_BAND = { kilobits: 64, code: 8 } as const;

const HEADER_BYTES = 4;
/** Samples that LAME puts before the audio. A decoder adds 529 of its own, and knows it. */
const ENCODER_DELAY = 576;
const ENCODER_NAME = 'LAME3.100';
const HAS_FRAMES_AND_BYTES = 3;

/** The least rate of MP3 that holds the audio. @param sampleRate Hz */
export function mp3RateFor(sampleRate: number): number {
  return RATES.find((rate) => rate >= sampleRate) ?? MAX_RATE;
}

export class Mp3Encoder implements AudioFileEncoder {
  readonly #lame: WasmMediaEncoder<'audio/mpeg'>;
  readonly #sampleRate: number;
  #samples = 0;
  /** Of the frames of audio. */
  #bytes = 0;

  private constructor(lame: WasmMediaEncoder<'audio/mpeg'>, sampleRate: number) {
    this.#lame = lame;
    this.#sampleRate = sampleRate;
  }

  /** @param sampleRate Hz, one of those of `mp3RateFor` */
  static async create(sampleRate: number): Promise<Mp3Encoder> {
    const lame = await createMp3Encoder();
    lame.configure({ sampleRate, channels: 1, bitrate: bandOf(sampleRate).kilobits });
    return new Mp3Encoder(lame, sampleRate);
  }

  begin(): Uint8Array {
    return this.#infoFrame();
  }

  encode(samples: Float32Array): Uint8Array {
    if (samples.length === 0) return new Uint8Array(0);
    this.#samples += samples.length;
    return this.#count(this.#lame.encode([samples]));
  }

  finish(): { tail: Uint8Array; head: Uint8Array } {
    const tail = this.#count(this.#lame.finalize());
    return { tail, head: this.#infoFrame() };
  }

  free(): void {
    // the module is collected with all its memory
  }

  /** LAME owns the bytes and writes over them. */
  #count(bytes: Uint8Array): Uint8Array {
    this.#bytes += bytes.length;
    return bytes.slice();
  }

  /**
   * A frame without audio that tells the length, and how much silence LAME put around the audio, so that decoders can
   * remove it (Xing's header with LAME's extension).
   */
  #infoFrame(): Uint8Array {
    const { rates, version, frameSamples, sideInfoBytes } = versionOf(this.#sampleRate);
    const { kilobits, code } = bandOf(this.#sampleRate);
    const frameBytes = (frameSamples / 8) * ((1000 * kilobits) / this.#sampleRate);
    // LAME pads frames so that their sum is right within a byte.
    const frames = Math.round(this.#bytes / frameBytes);
    const padding = Math.max(0, frames * frameSamples - this.#samples - ENCODER_DELAY);
    const frame = Buffer.alloc(Math.floor(frameBytes));
    frame.set([
      0xff,
      version,
      (code << 4) | (rates.findIndex((rate) => rate === this.#sampleRate) << 2),
      0xc4,
    ]);
    const info = frame.subarray(HEADER_BYTES + sideInfoBytes);
    info.write('Info', 'latin1');
    info.writeUInt32BE(HAS_FRAMES_AND_BYTES, 4);
    info.writeUInt32BE(frames, 8);
    info.writeUInt32BE(Math.min(frame.length + this.#bytes, 0xffff_ffff), 12);
    const lame = info.subarray(16);
    lame.write(ENCODER_NAME, 'latin1');
    lame.writeUIntBE(ENCODER_DELAY * 2 ** 12 + Math.min(padding, 0xfff), 21, 3);
    return frame;
  }
}

function bandOf(sampleRate: number): typeof FULL_BAND | typeof HALF_BAND {
  return sampleRate >= 32_000 ? FULL_BAND : HALF_BAND;
}

function versionOf(sampleRate: number): (typeof VERSIONS)[number] {
  const found = VERSIONS.find(({ rates }) => rates.some((rate) => rate === sampleRate));
  if (found === undefined) throw new RangeError(`MP3 has no ${sampleRate} Hz`);
  return found;
}

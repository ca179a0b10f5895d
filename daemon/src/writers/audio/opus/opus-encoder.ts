/** Opus in Ogg (RFC 7845), by libopus. */
import { randomInt } from 'node:crypto';
import { createEncoder, loadLibopus, type OpusEncoderHandle } from 'libopus-wasm';
import type { AudioFileEncoder } from '../audio-file-encoder.js';
import { FrameBuffer } from '../frame-buffer.js';
import { OggPageWriter } from './ogg-page-writer.js';

/** Hz: the clock of every Opus stream. */
export const OPUS_RATE = 48_000;
/** 20 ms. */
const FRAME_SAMPLES = 960;
/** Bits per second, on average; transparent for one channel of speech. */
const BITRATE = 64_000;
/** A second: a page costs 27 bytes and one a packet. */
const PACKETS_PER_PAGE = 50;

export class OpusEncoder implements AudioFileEncoder {
  readonly #opus: OpusEncoderHandle;
  readonly #inputRate: number;
  readonly #vendor: string;
  /** Samples that the decoder produces before the audio starts. */
  readonly #preSkip: number;
  readonly #frames = new FrameBuffer(FRAME_SAMPLES);
  readonly #pages = new OggPageWriter(randomInt(2 ** 32));
  #samples = 0;
  #encoded = 0;

  private constructor(opus: OpusEncoderHandle, inputRate: number, vendor: string) {
    this.#opus = opus;
    this.#inputRate = inputRate;
    this.#vendor = vendor;
    this.#preSkip = opus.getLookahead();
  }

  /** For samples of 48 kHz. @param inputRate Hz of the audio before it was resampled, a note in the file */
  static async create(inputRate: number): Promise<OpusEncoder> {
    const { version } = await loadLibopus();
    const opus = await createEncoder({
      sampleRate: OPUS_RATE,
      channels: 1,
      frameSize: FRAME_SAMPLES,
      bitrate: BITRATE,
    });
    return new OpusEncoder(opus, inputRate, version);
  }

  begin(): Uint8Array {
    const pages = this.#pages;
    pages.add(identification(this.#preSkip, this.#inputRate), 0);
    const first = pages.flush();
    pages.add(tags(this.#vendor), 0);
    return Buffer.concat([first, pages.flush()]);
  }

  encode(samples: Float32Array): Uint8Array {
    const pages: Uint8Array[] = [];
    this.#samples += samples.length;
    for (const frame of this.#frames.push(samples)) pages.push(this.#encodeFrame(frame));
    return Buffer.concat(pages);
  }

  /** The last page tells where the audio ends; silence after it brings out what the encoder still holds. */
  finish(): { tail: Uint8Array } {
    const end = this.#preSkip + this.#samples;
    const silence = new Float32Array(FRAME_SAMPLES);
    const pages: Uint8Array[] = [];
    do {
      // The silence fills the frame that the audio began, so one more frame is full at each turn.
      for (const frame of this.#frames.push(silence)) pages.push(this.#encodeFrame(frame, end));
    } while (this.#encoded < end);
    pages.push(this.#pages.flush(true));
    return { tail: Buffer.concat(pages) };
  }

  free(): void {
    this.#opus.free();
  }

  /** The page before the packet if it is full: the last one is kept back until the end is known. */
  #encodeFrame(frame: Float32Array, end = Infinity): Uint8Array {
    const packet = this.#opus.encodeFloat(frame);
    const pages = this.#pages;
    const isFull = pages.packets === PACKETS_PER_PAGE || !pages.fits(packet);
    const page = isFull ? pages.flush() : new Uint8Array(0);
    this.#encoded += FRAME_SAMPLES;
    pages.add(packet, Math.min(this.#encoded, end));
    return page;
  }
}

/** OpusHead. */
function identification(preSkip: number, inputRate: number): Uint8Array {
  const head = Buffer.alloc(19);
  head.write('OpusHead', 'latin1');
  head[8] = 1; // version
  head[9] = 1; // channels
  head.writeUInt16LE(preSkip, 10);
  head.writeUInt32LE(inputRate, 12);
  return head;
}

/** OpusTags with the name of the encoder and no comment. */
function tags(vendor: string): Uint8Array {
  const name = Buffer.from(vendor);
  const packet = Buffer.alloc(8 + 4 + name.length + 4);
  packet.write('OpusTags', 'latin1');
  packet.writeUInt32LE(name.length, 8);
  name.copy(packet, 12);
  return packet;
}

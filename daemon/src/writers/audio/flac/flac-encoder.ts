/** FLAC of 16 bits (RFC 9639), without loss. */
import { createHash } from 'node:crypto';
import { toPcm16 } from '../../../signal/pcm16.js';
import type { AudioFileEncoder } from '../audio-file-encoder.js';
import { FrameBuffer } from '../frame-buffer.js';
import { BitWriter } from './bit-writer.js';
import { crc16, crc8 } from './crc.js';
import { writeSubframe } from './subframe.js';

/** Samples of a frame; the last one may have fewer. */
const BLOCK_SAMPLES = 4096;
const BLOCK_SIZE_CODE = 12;
/** The number of samples follows, less 1, in 16 bits. */
const OTHER_BLOCK_SIZE_CODE = 7;
const BITS = 16;
const BITS_CODE = 4;
const SYNC_FIXED_BLOCKS = 0xfff8;
const LAST_METADATA_BLOCK = 0x80;
const STREAM_INFO_BYTES = 34;

const RATE_CODES: ReadonlyMap<number, number> = new Map([
  [88_200, 1],
  [176_400, 2],
  [192_000, 3],
  [8_000, 4],
  [16_000, 5],
  [22_050, 6],
  [24_000, 7],
  [32_000, 8],
  [44_100, 9],
  [48_000, 10],
  [96_000, 11],
]);
/** The rate follows in 16 bits: in Hz, or, above 65,535 Hz, in tens of Hz. */
const HERTZ_CODE = 13;
const TENS_OF_HERTZ_CODE = 14;

export class FlacEncoder implements AudioFileEncoder {
  readonly #sampleRate: number;
  readonly #blocks = new FrameBuffer(BLOCK_SAMPLES);
  readonly #md5 = createHash('md5');
  readonly #frame = new BitWriter(2 * BLOCK_SAMPLES);
  #frames = 0;
  #samples = 0;
  #minFrameBytes = 0;
  #maxFrameBytes = 0;

  /** @param sampleRate Hz, up to 655,350 */
  constructor(sampleRate: number) {
    this.#sampleRate = sampleRate;
  }

  /** Players read a stream whose length is 0 to its end. */
  begin(): Uint8Array {
    return this.#head(new Uint8Array(16));
  }

  encode(samples: Float32Array): Uint8Array {
    const frames: Uint8Array[] = [];
    for (const block of this.#blocks.push(samples)) frames.push(this.#encodeBlock(block));
    return Buffer.concat(frames);
  }

  finish(): { tail: Uint8Array; head: Uint8Array } {
    const rest = this.#blocks.rest();
    const tail = rest.length === 0 ? new Uint8Array(0) : this.#encodeBlock(rest);
    return { tail, head: this.#head(this.#md5.digest()) };
  }

  free(): void {
    // holds no memory of its own
  }

  #encodeBlock(block: Float32Array): Uint8Array {
    const samples = toPcm16(block);
    const out = this.#frame;
    out.clear();
    this.#writeFrameHeader(out, samples.length);
    writeSubframe(out, samples);
    out.align();
    out.write(crc16(out.bytes()), 16);
    const frame = out.bytes().slice();
    this.#md5.update(new Uint8Array(samples.buffer));
    this.#frames += 1;
    this.#samples += samples.length;
    this.#maxFrameBytes = Math.max(this.#maxFrameBytes, frame.length);
    this.#minFrameBytes = this.#frames === 1 ? frame.length : Math.min(this.#minFrameBytes, frame.length);
    return frame;
  }

  #writeFrameHeader(out: BitWriter, samples: number): void {
    const isWhole = samples === BLOCK_SAMPLES;
    const rate = this.#sampleRate;
    const rateCode = RATE_CODES.get(rate) ?? (rate > 0xffff ? TENS_OF_HERTZ_CODE : HERTZ_CODE);
    out.write(SYNC_FIXED_BLOCKS, 16);
    out.write(isWhole ? BLOCK_SIZE_CODE : OTHER_BLOCK_SIZE_CODE, 4);
    out.write(rateCode, 4);
    out.write(0, 4); // one channel
    out.write(BITS_CODE << 1, 4);
    writeFrameNumber(out, this.#frames);
    if (!isWhole) out.write(samples - 1, 16);
    if (rateCode === HERTZ_CODE) out.write(rate, 16);
    if (rateCode === TENS_OF_HERTZ_CODE) out.write(Math.round(rate / 10), 16);
    out.write(crc8(out.bytes()), 8);
  }

  #head(md5: Uint8Array): Uint8Array {
    const out = new BitWriter(64);
    for (const letter of 'fLaC') out.write(letter.charCodeAt(0), 8);
    out.write(LAST_METADATA_BLOCK, 8);
    out.write(STREAM_INFO_BYTES, 24);
    out.write(BLOCK_SAMPLES, 16);
    out.write(BLOCK_SAMPLES, 16);
    out.write(this.#minFrameBytes, 24);
    out.write(this.#maxFrameBytes, 24);
    out.write(this.#sampleRate, 20);
    out.write(0, 3); // one channel
    out.write(BITS - 1, 5);
    out.write(Math.floor(this.#samples / 2 ** 24), 12);
    out.write(this.#samples % 2 ** 24, 24);
    for (const byte of md5) out.write(byte, 8);
    return out.bytes().slice();
  }
}

/** Coded as UTF-8 codes characters, up to 31 bits. */
function writeFrameNumber(out: BitWriter, number: number): void {
  if (number < 0x80) {
    out.write(number, 8);
    return;
  }
  let more = 1;
  while (number >= 2 ** (5 * more + 6)) more++;
  const lead = (0xff00 >> (more + 1)) & 0xff;
  out.write(lead | Math.floor(number / 64 ** more), 8);
  for (let part = more - 1; part >= 0; part--) out.write(0x80 | (Math.floor(number / 64 ** part) & 0x3f), 8);
}

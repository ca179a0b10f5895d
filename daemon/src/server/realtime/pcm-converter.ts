/** Converts audio of clients to 16 kHz s16le. The result does not depend on how the input is split. */
import { BYTES_PER_SAMPLE, SAMPLE_RATE } from '../../protocol/live.js';
import { decodeG711 } from '../../signal/g711.js';
import { toPcm16 } from '../../signal/pcm16.js';
import { Resampler } from '../../signal/resample.js';
import type { Format } from './session-settings.js';

/** Takes a few milliseconds, so that other work can run between two pieces. */
const PIECE_SECONDS = 1;
const TELEPHONE_RATE = 8_000;
const FULL_SCALE = 32_768;

export class PcmConverter {
  readonly #format: Format;
  readonly #resampler: Resampler | undefined;
  readonly #pieceBytes: number;
  /** The first byte of an incomplete sample. */
  #odd: Uint8Array = new Uint8Array(0);

  constructor(format: Format) {
    this.#format = format;
    const rate = format.type === 'audio/pcm' ? format.rate : TELEPHONE_RATE;
    this.#pieceBytes = PIECE_SECONDS * rate * (format.type === 'audio/pcm' ? BYTES_PER_SAMPLE : 1);
    if (rate !== SAMPLE_RATE) this.#resampler = new Resampler(rate, SAMPLE_RATE);
  }

  /** Yields pieces of up to about a second, which may be empty. */
  *push(bytes: Uint8Array): Generator<Uint8Array> {
    for (let at = 0; at < bytes.length; at += this.#pieceBytes) {
      yield this.#piece(bytes.subarray(at, at + this.#pieceBytes));
    }
  }

  /** Returns the rest in the filter after the last piece. */
  flush(): Uint8Array {
    this.#odd = new Uint8Array(0);
    return this.#resampler === undefined ? new Uint8Array(0) : pcmOf(this.#resampler.flush());
  }

  #piece(bytes: Uint8Array): Uint8Array {
    const { type } = this.#format;
    if (type !== 'audio/pcm') return this.#resampled(decodeG711(bytes, type === 'audio/pcmu' ? 'mu' : 'a'));
    const all = this.#odd.length === 0 ? bytes : Buffer.concat([this.#odd, bytes]);
    const whole = all.length - (all.length % BYTES_PER_SAMPLE);
    this.#odd = Uint8Array.from(all.subarray(whole));
    if (this.#resampler === undefined) return all.subarray(0, whole);
    const view = new DataView(all.buffer, all.byteOffset, whole);
    const samples = new Float32Array(whole / BYTES_PER_SAMPLE);
    for (let i = 0; i < samples.length; i++)
      samples[i] = view.getInt16(i * BYTES_PER_SAMPLE, true) / FULL_SCALE;
    return this.#resampled(samples);
  }

  #resampled(samples: Float32Array): Uint8Array {
    return pcmOf(this.#resampler?.push(samples) ?? samples);
  }
}

/** All supported machines are little-endian, as the format is. */
function pcmOf(samples: Float32Array): Uint8Array {
  return new Uint8Array(toPcm16(samples).buffer);
}

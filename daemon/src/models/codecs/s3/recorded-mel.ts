/**
 * The log-mel spectrogram of a whole recording. Its loudest value clamps all others, so nothing can be encoded before its
 * end: raw frames wait on the host, 51 KB for a second.
 */
import { FrameStream } from '#daemon/audio/mel/frame-stream.js';
import { SpectralFrontEnd } from '#daemon/audio/mel/front-end.js';
import { s3Mel } from '#daemon/audio/mel/variants.js';
import { SottoError } from '#daemon/protocol/errors.js';
import type { MxArray } from '#native/index.js';

import { MEL_HOP, SAMPLE_RATE } from './s3-config.js';

const GROUP_FRAMES = 100;
/** One more than are mirrored at each end. */
const MIN_SAMPLES = 201;
/** Long pieces would be copied for each group of frames. */
const PIECE_SAMPLES = SAMPLE_RATE;
/** 740 MB of frames. */
const MAX_HOURS = 4;

export class RecordedMel {
  readonly #frontEnd = new SpectralFrontEnd(s3Mel());
  readonly #stream = new FrameStream(this.#frontEnd, GROUP_FRAMES);
  /** Raw frames, all groups but the last one of `GROUP_FRAMES`. */
  readonly #groups: Float32Array[] = [];
  #peak = -Infinity;
  #samples = 0;

  get bands(): number {
    return this.#frontEnd.bands;
  }

  get samples(): number {
    return this.#samples;
  }

  /** Whole hops of the audio; one for less than a hop, none for an empty audio. */
  get frames(): number {
    return Math.min(this.#samples, Math.max(1, Math.floor(this.#samples / MEL_HOP)));
  }

  /** @throws SottoError INVALID_ARGUMENT for more than a few hours */
  push(samples: Float32Array): void {
    this.#samples += samples.length;
    if (this.#samples > MAX_HOURS * 3600 * SAMPLE_RATE) {
      throw new SottoError('INVALID_ARGUMENT', `the audio is longer than ${MAX_HOURS} hours`, {
        hint: 'cut it into shorter files',
      });
    }
    for (let at = 0; at < samples.length; at += PIECE_SAMPLES) {
      this.#keep(this.#stream.push(samples.subarray(at, at + PIECE_SAMPLES)));
    }
  }

  /** After the last samples. Silence follows an audio that is too short to be mirrored. */
  end(): void {
    if (this.frames > 0 && this.#samples < MIN_SAMPLES)
      this.#keep(this.#stream.push(new Float32Array(MIN_SAMPLES - this.#samples)));
    this.#keep(this.#stream.end());
    this.#peak = this.#loudest();
  }

  /** Loudest value of the frames that count. Known after `end`. */
  get peak(): number {
    return this.#peak;
  }

  /** Raw values of frames `start` … `end`, `bands` a frame. */
  rawFrames(start: number, end: number): Float32Array {
    const { bands } = this;
    const raw = new Float32Array((end - start) * bands);
    for (let frame = start; frame < end;) {
      const group = this.#groups[Math.floor(frame / GROUP_FRAMES)] ?? new Float32Array();
      const from = frame % GROUP_FRAMES;
      const count = Math.min(end - frame, GROUP_FRAMES - from);
      raw.set(group.subarray(from * bands, (from + count) * bands), (frame - start) * bands);
      frame += count;
    }
    return raw;
  }

  dispose(): void {
    this.#frontEnd.dispose();
  }

  #keep(frames: MxArray): void {
    const values = frames.toTypedArray('float32');
    frames.dispose();
    const size = GROUP_FRAMES * this.bands;
    for (let at = 0; at < values.length; at += size) this.#groups.push(values.slice(at, at + size));
  }

  #loudest(): number {
    let [peak, left] = [-Infinity, this.frames * this.bands];
    for (const group of this.#groups) {
      for (const value of group.subarray(0, left)) if (value > peak) peak = value;
      left = Math.max(0, left - group.length);
    }
    return peak;
  }
}

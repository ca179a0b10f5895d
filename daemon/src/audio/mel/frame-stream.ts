/**
 * Frames of audio that arrives in pieces. Frames are computed in groups of one size, counted from the first frame: the last
 * bit of a product depends on its number of rows, so live frames equal those of the whole audio exactly.
 */
import { mx, type MxArray } from '#native/index.js';
import type { FrontEnd } from './front-end.js';

export class FrameStream {
  readonly #frontEnd: FrontEnd;
  readonly #groupFrames: number;
  /** Samples from the first one of the next frame on. */
  #pending = new Float32Array(0);
  /** The audio’s last samples, mirrored after its end. */
  #tail = new Float32Array(0);
  #isStarted = false;
  #isEnded = false;
  /** The last sample, for pre-emphasis. */
  #previous: number | undefined;

  /** @param groupFrames frames that are computed at once, and the latency of live audio */
  constructor(frontEnd: FrontEnd, groupFrames: number) {
    this.#frontEnd = frontEnd;
    this.#groupFrames = groupFrames;
  }

  /** @returns the frames that are known now, [n, bands]; the caller owns them */
  push(samples: Float32Array): MxArray {
    if (this.#isEnded) throw new RangeError('audio after the end');
    this.#append(this.#emphasized(samples));
    return this.#frames(false);
  }

  /** @returns the last frames, [n, bands] */
  end(): MxArray {
    if (this.#isEnded) throw new RangeError('the end after the end');
    this.#isEnded = true;
    const { samples, end } = this.#frontEnd.config.padding;
    this.#start();
    this.#append(end === 'zero' ? new Float32Array(samples) : mirroredEnd(this.#tail, samples));
    return this.#frames(true);
  }

  #append(samples: Float32Array): void {
    const { samples: padding } = this.#frontEnd.config.padding;
    this.#pending = joined(this.#pending, samples);
    if (!this.#isEnded) this.#tail = joined(this.#tail, samples).slice(-(padding + 1));
  }

  /** Adds the padding before the audio once that is known. @returns whether frames can be computed */
  #start(): boolean {
    if (this.#isStarted) return true;
    const { samples, start } = this.#frontEnd.config.padding;
    if (start === 'reflect' && this.#pending.length <= samples && !this.#isEnded) return false;
    const before = start === 'zero' ? new Float32Array(samples) : mirroredStart(this.#pending, samples);
    this.#pending = joined(before, this.#pending);
    this.#isStarted = true;
    return true;
  }

  #frames(isAll: boolean): MxArray {
    const { bands, frameSamples, config } = this.#frontEnd;
    const { hopSamples } = config;
    const groups: MxArray[] = [];
    for (let isReady = this.#start(); isReady;) {
      const whole = Math.max(0, Math.floor((this.#pending.length - frameSamples) / hopSamples) + 1);
      const count = Math.min(whole, this.#groupFrames);
      isReady = count > 0 && (isAll || count === this.#groupFrames);
      if (!isReady) break;
      groups.push(this.#frontEnd.frames(this.#pending.subarray(0, (count - 1) * hopSamples + frameSamples)));
      this.#pending = this.#pending.slice(count * hopSamples);
    }
    if (groups.length === 0) return mx.zeros([0, bands]);
    const [only] = groups;
    if (groups.length === 1 && only !== undefined) return only;
    const frames = mx.tidy(() => mx.concatenate(groups, 0));
    mx.dispose(groups);
    return frames;
  }

  #emphasized(samples: Float32Array): Float32Array {
    const { preEmphasis } = this.#frontEnd.config;
    if (preEmphasis?.within !== 'audio') return samples;
    const emphasized = samples.map((value, n) => {
      const before = n === 0 ? this.#previous : samples[n - 1];
      return before === undefined ? value : value - preEmphasis.factor * before;
    });
    this.#previous = samples.at(-1) ?? this.#previous;
    return emphasized;
  }
}

function joined(a: Float32Array, b: Float32Array): Float32Array<ArrayBuffer> {
  const whole = new Float32Array(a.length + b.length);
  whole.set(a);
  whole.set(b, a.length);
  return whole;
}

/** `count` samples before the audio, mirrored about its first one; zeros beyond a shorter audio. */
function mirroredStart(samples: Float32Array, count: number): Float32Array {
  return Float32Array.from({ length: count }, (_, i) => samples[count - i] ?? 0);
}

/** `count` samples after the audio, mirrored about its last one. */
function mirroredEnd(samples: Float32Array, count: number): Float32Array {
  return Float32Array.from({ length: count }, (_, i) => samples[samples.length - 2 - i] ?? 0);
}

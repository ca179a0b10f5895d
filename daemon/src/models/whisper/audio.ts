/** The 30 s windows that the encoder sees, cut from a stream of audio. */
import { MelStream, type MelTransform, SILENCE_LOG10 } from '#daemon/audio/mel.js';
import { mx, type Dtype, type MxArray } from '#native/index.js';

export const WINDOW_FRAMES = 3000; // 30 s of 10 ms

/** Frames quieter than the loudest one by more than this are raised to it. */
const DYNAMIC_RANGE_LOG10 = 8;

/**
 * What follows the audio in a window that it does not fill: `zero`, the plain 0 that the reference puts there when it
 * transcribes, or `silence`, the frames of digital silence that it sees when it detects the language.
 */
export type Padding = 'zero' | 'silence';

export interface Window {
  /** Normalized log-mel, [1, 3000, nMels]; the caller owns it. */
  readonly mel: MxArray;
  /** Frames of it that are audio. */
  readonly frames: number;
}

/**
 * Windows by position. Only the frames since the last `advance` are held, so memory is bounded.
 *
 * The reference takes the loudest frame of the whole file to clamp by. A stream is not known to its end, so here it
 * is the loudest frame read so far: the same for audio of up to 30 s and for every window after the loudest one.
 */
export class AudioWindows {
  readonly #mel: MelStream;
  readonly #nMels: number;

  constructor(samples: AsyncIterable<Float32Array>, transform: MelTransform) {
    this.#mel = new MelStream(samples, transform);
    this.#nMels = transform.nMels;
  }

  /** Seconds of audio read so far; of all of it, once `at` has answered undefined. */
  get secondsRead(): number {
    return this.#mel.secondsRead;
  }

  /** The window that starts at frame `start`, or undefined if the audio ends before it. */
  async at(start: number, dtype: Dtype, padding: Padding, signal: AbortSignal): Promise<Window | undefined> {
    await this.#mel.fill(start + WINDOW_FRAMES, signal);
    const frames = Math.min(WINDOW_FRAMES, this.#mel.contentFrames - start);
    if (frames <= 0) return undefined;
    const mel = mx.tidy(() => this.#assemble(start, frames, padding).astype(dtype));
    await mx.ready(mel);
    return { mel, frames };
  }

  /** Says that no window before frame `start` will be asked for again. */
  advance(start: number): void {
    this.#mel.drop(start);
  }

  dispose(): Promise<void> {
    return this.#mel.dispose();
  }

  #assemble(start: number, frames: number, padding: Padding): MxArray {
    const { peak } = this.#mel;
    if (peak === undefined) throw new RangeError('a window of no audio');
    const end = padding === 'zero' ? start + frames : start + WINDOW_FRAMES;
    let raw = this.#mel.slice(start, end); // [n, nMels], n ≥ frames
    const missing = WINDOW_FRAMES - (raw.shape[0] ?? 0);
    if (missing > 0 && padding === 'silence') {
      raw = mx.concatenate([raw, mx.full([missing, this.#nMels], SILENCE_LOG10)], 0);
    }
    const clamped = mx.maximum(raw, mx.subtract(peak, DYNAMIC_RANGE_LOG10));
    let mel = mx.divide(mx.add(clamped, 4), 4);
    if (missing > 0 && padding === 'zero') {
      mel = mx.concatenate([mel, mx.zeros([missing, this.#nMels])], 0);
    }
    return mx.reshape(mel, [1, WINDOW_FRAMES, this.#nMels]);
  }
}

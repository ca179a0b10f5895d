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

/**
 * Windows by position. Only the frames since the last `advance` are held, so memory is bounded.
 *
 * The reference takes the loudest frame of the whole file to clamp by. A stream is not known to its end, so here it
 * is the loudest frame read so far: the same for audio of up to 30 s and for every window after the loudest one.
 */
export class AudioWindows {
  readonly #mel: MelStream;
  readonly #nMels: number;
  #ahead: Promise<void> = Promise.resolve();

  constructor(samples: AsyncIterable<Float32Array>, transform: MelTransform) {
    this.#mel = new MelStream(samples, transform);
    this.#nMels = transform.nMels;
  }

  /** Seconds of audio read so far; of all of it, once `at` has answered undefined. */
  get secondsRead(): number {
    return this.#mel.secondsRead;
  }

  /** Frames of audio in the window that begins at frame `start`, at most 3000; 0 if the audio ends before it. */
  async framesAt(start: number, signal: AbortSignal): Promise<number> {
    await this.#ahead;
    await this.#mel.fill(start + WINDOW_FRAMES, signal);
    return Math.max(0, Math.min(WINDOW_FRAMES, this.#mel.contentFrames - start));
  }

  /**
   * Normalized log-mel of `length` frames from `start` on, [1, length, nMels]; the caller owns it.
   * Only for a window that `framesAt` has answered for.
   */
  async mel(start: number, length: number, padding: Padding, dtype: Dtype): Promise<MxArray> {
    const mel = mx.tidy(() => this.#assemble(start, length, padding).astype(dtype));
    await mx.ready(mel);
    return mel;
  }

  /** Reads up to frame `end` meanwhile. What fails is thrown by the next `framesAt`. */
  readAhead(end: number, signal: AbortSignal): void {
    this.#ahead = this.#mel.fill(end, signal);
    this.#ahead.catch(() => undefined);
  }

  /** Says that no window before frame `start` will be asked for again. */
  advance(start: number): void {
    this.#mel.drop(start);
  }

  async dispose(): Promise<void> {
    await this.#ahead.catch(() => undefined);
    await this.#mel.dispose();
  }

  #assemble(start: number, length: number, padding: Padding): MxArray {
    const { peak, contentFrames } = this.#mel;
    if (peak === undefined) throw new RangeError('a window of no audio');
    // Beyond the audio a frame or two still hear its end: they are part of the silence, not of the zeros.
    const end = padding === 'zero' ? Math.min(contentFrames, start + length) : start + length;
    let raw = this.#mel.slice(start, end); // [n, nMels]
    const missing = length - (raw.shape[0] ?? 0);
    if (missing > 0 && padding === 'silence') {
      raw = mx.concatenate([raw, mx.full([missing, this.#nMels], SILENCE_LOG10)], 0);
    }
    const clamped = mx.maximum(raw, mx.subtract(peak, DYNAMIC_RANGE_LOG10));
    let mel = mx.divide(mx.add(clamped, 4), 4);
    if (missing > 0 && padding === 'zero') {
      mel = mx.concatenate([mel, mx.zeros([missing, this.#nMels])], 0);
    }
    return mx.reshape(mel, [1, length, this.#nMels]);
  }
}

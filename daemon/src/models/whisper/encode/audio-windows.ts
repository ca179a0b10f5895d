/** The 30 s windows that the encoder sees, cut from a stream of audio. */
import {
  DYNAMIC_RANGE_LOG10,
  FRAMES_PER_SECOND,
  HOP_SAMPLES,
  MelStream,
  type MelTransform,
  SAMPLE_RATE,
  SILENCE_LOG10,
} from '#daemon/audio/mel/mel.js';
import type { SpeechTrack, VoiceEvidence } from '#daemon/audio/vad/index.js';
import { mx, type Dtype, type MxArray } from '#native/index.js';

export const WINDOW_FRAMES = 3000; // 30 s of 10 ms

/**
 * What follows the audio in a window that it does not fill: `zero`, the plain 0 that the reference puts there when it
 * transcribes, or `silence`, the frames of digital silence that it sees when it detects the language.
 */
export type Padding = 'zero' | 'silence';

export interface Window {
  /** Its first frame, counted from the start of the audio. */
  readonly start: number;
  /** Frames of it that are audio, at most 3000. */
  readonly frames: number;
}

/** A window ends before a pause longer than this: in silence the decoder invents words. */
const MAX_PAUSE_SAMPLES = 5 * SAMPLE_RATE;
/** What a stretch has left behind its last word is padding: too little to hold another one. */
const MIN_LEFTOVER_SAMPLES = 0.65 * SAMPLE_RATE;

/** Frames in front of a window that may be read with it, when its language is detected. */
const WINDOW_LEAD_IN_FRAMES = 100;

/**
 * Windows by position. Of the frames since the last `advance` those of long pauses are not held, so memory is bounded.
 *
 * The reference takes the loudest frame of the whole file to clamp by. A stream is not known to its end, so here it
 * is the loudest frame read so far: the same for audio of up to 30 s and for every window after the loudest one.
 */
export class AudioWindows {
  readonly #mel: MelStream;
  readonly #nMels: number;
  readonly #speech: SpeechTrack | undefined;
  #prefetching: Promise<void> = Promise.resolve();

  /** @param speech where given, windows hold the stretches of speech alone and not the pauses between them */
  constructor(samples: AsyncIterable<Float32Array>, transform: MelTransform, speech?: SpeechTrack) {
    this.#mel = new MelStream(speech?.watch(samples) ?? samples, transform);
    this.#nMels = transform.nMels;
    this.#speech = speech;
  }

  /** Seconds of audio read so far; of all of it, once `at` has answered undefined. */
  get secondsRead(): number {
    return this.#mel.secondsRead;
  }

  /** The next window at frame `from` or later, undefined if nothing is left to hear. */
  async next(from: number, signal: AbortSignal): Promise<Window | undefined> {
    await this.#prefetching;
    for (let start = from; ;) {
      // As far beyond the window as it takes to know where speech ends in it.
      const beyond = Math.ceil((this.#speech?.lookaheadSamples ?? 0) / HOP_SAMPLES);
      await this.#mel.fill(start + WINDOW_FRAMES + beyond, signal);
      const content = Math.min(start + WINDOW_FRAMES, this.#mel.contentFrames);
      if (this.#speech === undefined) return content > start ? { start, frames: content - start } : undefined;
      const [first, ...others] = this.#stretches(this.#speech, start);
      if (first === undefined) {
        if (this.#mel.ended) return undefined;
        start = Math.max(start, Math.floor(this.#speech.stableSamples / HOP_SAMPLES));
        this.#dropPause(from, start);
        continue;
      }
      const begin = Math.floor(first.start / HOP_SAMPLES);
      if (begin > start) {
        start = begin;
        this.#dropPause(from, start);
        continue; // with what a window from there on needs
      }
      let { end } = first;
      // What begins behind the window is not looked at: it depends on the chunks whether it is known yet.
      const within = others.filter((next) => next.start < (start + WINDOW_FRAMES) * HOP_SAMPLES);
      for (const next of within) if (next.start - end <= MAX_PAUSE_SAMPLES) end = Math.max(end, next.end);
      const frames = Math.min(Math.ceil(end / HOP_SAMPLES), content) - start;
      if (frames > 0) return { start, frames };
      return undefined;
    }
  }

  /** Where somebody speaks in a window, in seconds of the file; undefined where nobody looked. */
  spokenSeconds({ start, frames }: Window): { start: number; end: number }[] | undefined {
    const [from, to] = [start * HOP_SAMPLES, (start + frames) * HOP_SAMPLES];
    return this.#speech
      ?.within(from, to)
      .map((stretch) => ({ start: stretch.start / SAMPLE_RATE, end: stretch.end / SAMPLE_RATE }));
  }

  /** The same in frames of the audio, once what has been asked to be read ahead is read. */
  async spokenFrames(window: Window): Promise<{ start: number; end: number }[] | undefined> {
    await this.#prefetching;
    const { start: from, frames } = window;
    return this.spokenSeconds(window)?.map(({ start, end }) => ({
      start: Math.max(from, Math.floor(start * FRAMES_PER_SECOND)),
      end: Math.min(from + frames, Math.ceil(end * FRAMES_PER_SECOND)),
    }));
  }

  /** Whether windows are cut by where somebody speaks. */
  get hasVad(): boolean {
    return this.#speech !== undefined;
  }

  /** How sure it is that somebody speaks in a window; undefined where nobody looked. */
  voice({ start, frames }: Window): VoiceEvidence | undefined {
    return this.#speech?.evidence(start * HOP_SAMPLES, (start + frames) * HOP_SAMPLES);
  }

  /** Whether all of the audio has been read. */
  get ended(): boolean {
    return this.#mel.ended;
  }

  /** Whether all of the audio has been read, and fits in one window. */
  get fitsInOneWindow(): boolean {
    return this.#mel.ended && this.#mel.contentFrames < WINDOW_FRAMES;
  }

  /**
   * Normalized log-mel of a window in `length` frames, [1, length, nMels]; the caller owns it. What follows its audio is
   * padding.
   */
  async mel(window: Window, length: number, padding: Padding, dtype: Dtype): Promise<MxArray> {
    const mel = mx.tidy(() => this.#assemble(window, length, padding).astype(dtype));
    await mx.ready(mel);
    return mel;
  }

  /** Reads up to frame `end` meanwhile. What fails is thrown by `next`. */
  prefetch(end: number, signal: AbortSignal): void {
    this.#prefetching = this.#mel.fill(end, signal);
    this.#prefetching.catch(() => undefined);
  }

  /** Says that no window before frame `start` will be asked for again. */
  advance(start: number): void {
    this.#mel.drop(start);
    this.#speech?.drop(start * HOP_SAMPLES);
  }

  async dispose(): Promise<void> {
    await this.#prefetching.catch(() => undefined);
    await this.#mel.dispose();
  }

  /**
   * Frees the frames of a pause that a search from frame `from` has passed: a recording of a night is hours of them. A caller
   * that searched ahead may still ask for windows before `from`; those end within a window of it.
   */
  #dropPause(from: number, to: number): void {
    const [first, end] = [from + WINDOW_FRAMES, to - WINDOW_LEAD_IN_FRAMES];
    this.#mel.drop(end, first);
    this.#speech?.drop(end * HOP_SAMPLES, first * HOP_SAMPLES);
  }

  /** What somebody says from frame `start` on. */
  #stretches(speech: SpeechTrack, start: number): { start: number; end: number }[] {
    const from = start * HOP_SAMPLES;
    return speech
      .after(from)
      .filter((stretch) => stretch.start >= from || stretch.end - from >= MIN_LEFTOVER_SAMPLES);
  }

  #assemble({ start, frames }: Window, length: number, padding: Padding): MxArray {
    const { peak, contentFrames } = this.#mel;
    if (peak === undefined) throw new RangeError('a window of no audio');
    // Beyond the audio a frame or two still hear its end: they are part of the silence, not of the zeros.
    const whole = start + frames >= contentFrames;
    const end = padding === 'zero' || !whole ? start + Math.min(frames, length) : start + length;
    let raw = this.#mel.slice(start, end); // [n, nMels]
    const missing = length - (raw.shape[0] ?? 0);
    if (missing > 0 && padding === 'silence') {
      raw = mx.concatenate([raw, mx.full([missing, this.#nMels], SILENCE_LOG10)], 0);
    }
    let mel = normalized(raw, peak);
    if (missing > 0 && padding === 'zero') {
      mel = mx.concatenate([mel, mx.zeros([missing, this.#nMels])], 0);
    }
    return mx.reshape(mel, [1, length, this.#nMels]);
  }
}

/** Raw log10-mel frames as the encoder takes them. @param peak the loudest of all that counts */
export function normalized(raw: MxArray, peak: MxArray): MxArray {
  const clamped = mx.maximum(raw, mx.subtract(peak, DYNAMIC_RANGE_LOG10));
  return mx.divide(mx.add(clamped, 4), 4);
}

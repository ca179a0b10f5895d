/** Cuts an audio stream into the 30 s windows of the encoder. */
import type { FrontEnd } from '#daemon/audio/mel/front-end.js';
import {
  FRAMES_PER_SECOND,
  HOP_SAMPLES,
  MelStream,
  SAMPLE_RATE,
  SILENCE_LOG10,
} from '#daemon/audio/mel/mel.js';
import type { SpeechTrack, VoiceEvidence } from '#daemon/audio/vad/index.js';
import { mx, type Dtype, type MxArray } from '#native/index.js';

import { scaledMel } from '../../audio-encoder/scaled-mel.js';

export const WINDOW_FRAMES = 3000; // 30 s of 10 ms

/**
 * Padding of a window after its audio: `zero`, the plain 0 of the reference's transcription, or `silence`, the frames of
 * digital silence of its language detection.
 */
export type Padding = 'zero' | 'silence';

export interface Window {
  /** First mel frame, counted from the start of the audio. */
  readonly start: number;
  /** Mel frames of audio in it, at most 3000. */
  readonly frames: number;
}

/** A window ends before a longer pause: the decoder hallucinates in silence. */
const MAX_PAUSE_SAMPLES = 5 * SAMPLE_RATE;
/** A shorter rest of a segment is padding, too short for another word. */
const MIN_LEFTOVER_SAMPLES = 0.65 * SAMPLE_RATE;

/** Mel frames before a window that language detection may read with it. */
const WINDOW_LEAD_IN_FRAMES = 100;

/**
 * Windows by position. Frames of long pauses are dropped, so memory is bounded.
 *
 * The reference clamps by the loudest frame of the whole file. The end of a stream is unknown, so this uses the loudest
 * frame read so far: the same for audio of up to 30 s and for every window after the loudest one.
 */
export class AudioWindows {
  readonly #mel: MelStream;
  readonly #nMels: number;
  readonly #speech: SpeechTrack | undefined;
  #prefetching: Promise<void> = Promise.resolve();

  /** @param speech with it, windows skip long pauses */
  constructor(samples: AsyncIterable<Float32Array>, frontEnd: FrontEnd, speech?: SpeechTrack) {
    this.#mel = new MelStream(speech?.watch(samples) ?? samples, frontEnd);
    this.#nMels = frontEnd.bands;
    this.#speech = speech;
  }

  /** Seconds of audio read so far; the whole length once `next` has returned undefined. */
  get secondsRead(): number {
    return this.#mel.secondsRead;
  }

  /** The next window at frame `from` or later; undefined at the end of the audio. */
  async next(from: number, signal: AbortSignal): Promise<Window | undefined> {
    await this.#prefetching;
    for (let start = from; ;) {
      // Reads beyond the window as far as the VAD needs to find the end of speech in it.
      const beyond = Math.ceil((this.#speech?.lookaheadSamples ?? 0) / HOP_SAMPLES);
      await this.#mel.fill(start + WINDOW_FRAMES + beyond, signal);
      const content = Math.min(start + WINDOW_FRAMES, this.#mel.contentFrames);
      if (this.#speech === undefined) return content > start ? { start, frames: content - start } : undefined;
      const [first, ...others] = this.#segments(this.#speech, start);
      if (first === undefined) {
        if (this.#mel.ended) return undefined;
        start = Math.max(start, Math.floor(this.#speech.stableSamples / HOP_SAMPLES));
        this.#dropPause(from, start);
        continue;
      }
      const speechStart = Math.floor(first.start / HOP_SAMPLES);
      if (speechStart > start) {
        start = speechStart;
        this.#dropPause(from, start);
        continue; // now with the frames that this start needs
      }
      let { end } = first;
      // Ignores segments after the window, since chunk sizes decide whether they are known yet.
      const segmentsInWindow = others.filter((next) => next.start < (start + WINDOW_FRAMES) * HOP_SAMPLES);
      for (const next of segmentsInWindow)
        if (next.start - end <= MAX_PAUSE_SAMPLES) end = Math.max(end, next.end);
      const frames = Math.min(Math.ceil(end / HOP_SAMPLES), content) - start;
      if (frames > 0) return { start, frames };
      return undefined;
    }
  }

  /** Speech in a window, in seconds of the file; undefined without VAD. */
  spokenSeconds({ start, frames }: Window): { start: number; end: number }[] | undefined {
    const [from, to] = [start * HOP_SAMPLES, (start + frames) * HOP_SAMPLES];
    return this.#speech
      ?.tightSegments(from, to)
      .map((segment) => ({ start: segment.start / SAMPLE_RATE, end: segment.end / SAMPLE_RATE }));
  }

  /** The same in mel frames of the audio, after the prefetch has finished. */
  async spokenFrames(window: Window): Promise<{ start: number; end: number }[] | undefined> {
    await this.#prefetching;
    const { start: from, frames } = window;
    return this.spokenSeconds(window)?.map(({ start, end }) => ({
      start: Math.max(from, Math.floor(start * FRAMES_PER_SECOND)),
      end: Math.min(from + frames, Math.ceil(end * FRAMES_PER_SECOND)),
    }));
  }

  get hasVad(): boolean {
    return this.#speech !== undefined;
  }

  /** Evidence of speech in a window; undefined without VAD. */
  voice({ start, frames }: Window): VoiceEvidence | undefined {
    return this.#speech?.evidence(start * HOP_SAMPLES, (start + frames) * HOP_SAMPLES);
  }

  /** Whether the whole audio has been read. */
  get ended(): boolean {
    return this.#mel.ended;
  }

  /** Whether the whole audio has been read and fits in one window. */
  get fitsInOneWindow(): boolean {
    return this.#mel.ended && this.#mel.contentFrames < WINDOW_FRAMES;
  }

  /**
   * Normalized log-mel of a window in `length` frames, [1, length, nMels], padded after its audio; the caller owns it.
   */
  async mel(window: Window, length: number, padding: Padding, dtype: Dtype): Promise<MxArray> {
    const mel = mx.tidy(() => this.#assemble(window, length, padding).astype(dtype));
    await mx.ready(mel);
    return mel;
  }

  /** Reads up to frame `end` in the background. `next` throws its errors. */
  prefetch(end: number, signal: AbortSignal): void {
    this.#prefetching = this.#mel.fill(end, signal);
    this.#prefetching.catch(() => undefined);
  }

  /** Drops frames before `start`, which no later window needs. */
  advance(start: number): void {
    this.#mel.drop(start);
    this.#speech?.drop(start * HOP_SAMPLES);
  }

  async dispose(): Promise<void> {
    await this.#prefetching.catch(() => undefined);
    await this.#mel.dispose();
  }

  /**
   * Frees the frames of a pause that a search from frame `from` has passed: a recording of a night has hours of them. A caller
   * that searched ahead may still read windows before `from`; they end within a window of it.
   */
  #dropPause(from: number, to: number): void {
    const [first, end] = [from + WINDOW_FRAMES, to - WINDOW_LEAD_IN_FRAMES];
    this.#mel.drop(end, first);
    this.#speech?.drop(end * HOP_SAMPLES, first * HOP_SAMPLES);
  }

  /** Segments of speech from frame `start` on. */
  #segments(speech: SpeechTrack, start: number): { start: number; end: number }[] {
    const from = start * HOP_SAMPLES;
    return speech
      .segmentsAfter(from)
      .filter((segment) => segment.start >= from || segment.end - from >= MIN_LEFTOVER_SAMPLES);
  }

  #assemble({ start, frames }: Window, length: number, padding: Padding): MxArray {
    const { peak, contentFrames } = this.#mel;
    if (peak === undefined) throw new RangeError('a window without audio');
    // The transforms of a frame or two after the audio still overlap it; they belong to `silence` padding, not to `zero`.
    const whole = start + frames >= contentFrames;
    const end = padding === 'zero' || !whole ? start + Math.min(frames, length) : start + length;
    let raw = this.#mel.slice(start, end); // [n, nMels]
    const missing = length - (raw.shape[0] ?? 0);
    if (missing > 0 && padding === 'silence') {
      raw = mx.concatenate([raw, mx.full([missing, this.#nMels], SILENCE_LOG10)], 0);
    }
    let mel = scaledMel(raw, peak);
    if (missing > 0 && padding === 'zero') {
      mel = mx.concatenate([mel, mx.zeros([missing, this.#nMels])], 0);
    }
    return mx.reshape(mel, [1, length, this.#nMels]);
  }
}

/** Windows packed with speech, cut from a stream of audio as it is read. */
import { HOP_SAMPLES, MelStream, type MelTransform } from '#daemon/audio/mel.js';
import type { SpeechTrack, Stretch, VoiceEvidence } from '#daemon/audio/vad/index.js';
import { mx, type Dtype, type MxArray } from '#native/index.js';

import { normalized, WINDOW_FRAMES } from './audio.js';
import { type Heard, type Packed, packNext, type Span, spansInWindow } from './packing.js';

/** Frames read at a time. */
const STEP_FRAMES = 500;
/** What is packed into one window is no further apart: 5 min, 10 MB of frames. */
const LONGEST_SPAN_FRAMES = 30_000;
/** A place is as quiet as the frames around it. */
const AROUND_FRAMES = 15;

export interface PackedWindow extends Packed {
  /** Normalized log-mel [1, 3000, nMels], zeros behind the speech. Whoever asked for the window owns it. */
  readonly mel: MxArray;
  /** Where words can be, in frames of the window; undefined where nobody looked. */
  readonly spoken: readonly Span[] | undefined;
  /** How sure it is that somebody speaks; undefined where nobody looked. */
  readonly voice: VoiceEvidence | undefined;
}

/** As AudioWindows: only what no window has been made of yet is held, so memory is bounded. */
export class PackedWindows {
  readonly #mel: MelStream;
  readonly #nMels: number;
  readonly #speech: SpeechTrack | undefined;
  #done = 0; // frames that windows have been made of
  #asked = 0; // frames read

  /** @param speech where given, windows hold speech alone; without, everything, cut where it is quietest */
  constructor(samples: AsyncIterable<Float32Array>, transform: MelTransform, speech?: SpeechTrack) {
    this.#mel = new MelStream(speech?.watch(samples) ?? samples, transform);
    this.#nMels = transform.nMels;
    this.#speech = speech;
  }

  get secondsRead(): number {
    return this.#mel.secondsRead;
  }

  get ended(): boolean {
    return this.#mel.ended;
  }

  /** The next window, undefined if nothing is left to hear. */
  async next(dtype: Dtype, signal: AbortSignal): Promise<PackedWindow | undefined> {
    for (;;) {
      const heard = this.#heard();
      const packing = packNext(heard, WINDOW_FRAMES, (from, to) => this.#quietest(from, to));
      if (packing !== undefined) {
        const { window, end } = packing;
        const mel = mx.tidy(() => this.#assemble(window).astype(dtype));
        await mx.ready(mel);
        const spoken = this.#speech && spansInWindow(window, heard.tight);
        const packed = { ...window, mel, spoken, voice: this.#voice(window) };
        this.#forget(end);
        return packed;
      }
      if (this.#mel.ended) return undefined;
      if (heard.stretches.length === 0) this.#forget(this.#settled());
      this.#asked = Math.max(this.#asked, this.#done) + STEP_FRAMES;
      await this.#mel.fill(this.#asked, signal);
    }
  }

  async dispose(): Promise<void> {
    await this.#mel.dispose();
  }

  #heard(): Heard {
    const { ended, contentFrames } = this.#mel;
    const [done, speech] = [this.#done, this.#speech];
    if (speech === undefined) {
      return {
        stretches: contentFrames > done ? [{ start: done, end: contentFrames }] : [],
        tight: [],
        ended,
      };
    }
    const stretches = toFrames(speech.after(done * HOP_SAMPLES), done, contentFrames);
    const first = stretches[0]?.start ?? Infinity;
    return {
      stretches,
      tight: toFrames(speech.within(done * HOP_SAMPLES, contentFrames * HOP_SAMPLES), done, contentFrames),
      ended: ended || this.#settled() - first > LONGEST_SPAN_FRAMES,
    };
  }

  /** Nothing before this frame changes any more. */
  #settled(): number {
    return Math.floor((this.#speech?.settledSamples ?? 0) / HOP_SAMPLES);
  }

  /** Windows begin at a frame or later from now on. */
  #forget(before: number): void {
    this.#done = Math.max(this.#done, before);
    this.#mel.drop(this.#done);
    this.#speech?.drop(this.#done * HOP_SAMPLES);
  }

  #voice({ pieces }: Packed): VoiceEvidence | undefined {
    const speech = this.#speech;
    if (speech === undefined) return undefined;
    const found = pieces.map(({ start, end }) => speech.evidence(start * HOP_SAMPLES, end * HOP_SAMPLES));
    return {
      surest: Math.max(...found.map(({ surest }) => surest)),
      seconds: found.reduce((sum, { seconds }) => sum + seconds, 0),
    };
  }

  #assemble({ pieces }: Packed): MxArray {
    const { peak } = this.#mel;
    if (peak === undefined) throw new RangeError('a window of no audio');
    const raw = mx.concatenate(
      pieces.map(({ start, end }) => this.#mel.slice(start, end)),
      0,
    ); // [n, nMels]
    const mel = normalized(raw, peak);
    const missing = WINDOW_FRAMES - (mel.shape[0] ?? 0);
    const whole = missing > 0 ? mx.concatenate([mel, mx.zeros([missing, this.#nMels])], 0) : mel;
    return mx.reshape(whole, [1, WINDOW_FRAMES, this.#nMels]);
  }

  /** The middle of the quietest third of a second between two frames. */
  #quietest(from: number, to: number): number {
    const levels = mx.tidy(() => mx.mean(this.#mel.slice(from, to), -1).toTypedArray('float32'));
    let [least, at] = [Infinity, from];
    for (let i = 0; i < levels.length; i++) {
      const around = levels.subarray(Math.max(0, i - AROUND_FRAMES), i + AROUND_FRAMES + 1);
      const level = around.reduce((sum, x) => sum + x, 0) / around.length;
      if (level < least) [least, at] = [level, from + i];
    }
    return at;
  }
}

/** From `from` on, apart from each other. */
function toFrames(stretches: readonly Stretch[], from: number, to: number): Span[] {
  const spans: Span[] = [];
  for (const stretch of stretches) {
    const start = Math.max(spans.at(-1)?.end ?? from, Math.floor(stretch.start / HOP_SAMPLES));
    const end = Math.min(to, Math.ceil(stretch.end / HOP_SAMPLES));
    if (end > start) spans.push({ start, end });
  }
  return spans;
}

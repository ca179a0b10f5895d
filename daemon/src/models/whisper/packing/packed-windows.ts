/** Windows packed with speech, cut from an audio stream as it is read. */
import type { FrontEnd } from '#daemon/audio/mel/front-end.js';
import { HOP_SAMPLES, MelStream } from '#daemon/audio/mel/mel.js';
import type { SpeechTrack, VoiceEvidence } from '#daemon/audio/vad/index.js';
import { mx, type Dtype, type MxArray } from '#native/index.js';

import { scaledMel } from '../../audio-encoder/scaled-mel.js';
import { WINDOW_FRAMES } from '../encode/audio-windows.js';
import {
  type AvailableSpeech,
  type PackedSpeech,
  packNext,
  type FrameSpan,
  spansInWindow,
  toFrames,
} from '../../pieces/pack-speech.js';
import { quietestFrame } from '../../pieces/quietest-frame.js';

/** Mel frames per read. */
const STEP_FRAMES = 500;
/** Maximum distance of speech packed into one window: 5 min, 10 MB of frames. */
const MAX_SPAN_FRAMES = 30_000;

export interface PackedWindow extends PackedSpeech {
  /** Normalized log-mel [1, 3000, nMels], zeros after the speech. The caller owns it. */
  readonly mel: MxArray;
  /** Speech in frames of the window; undefined without VAD. */
  readonly spoken: readonly FrameSpan[] | undefined;
  /** Evidence of speech; undefined without VAD. */
  readonly voice: VoiceEvidence | undefined;
}

/** Like `AudioWindows`: holds only frames that are not in a window yet, so memory is bounded. */
export class PackedWindows {
  readonly #mel: MelStream;
  readonly #nMels: number;
  readonly #speech: SpeechTrack | undefined;
  #packedFrames = 0; // frames packed into windows
  #requestedFrames = 0; // frames read

  /** @param speech with it, windows hold only speech; without, all audio, cut where it is quietest */
  constructor(samples: AsyncIterable<Float32Array>, frontEnd: FrontEnd, speech?: SpeechTrack) {
    this.#mel = new MelStream(speech?.watch(samples) ?? samples, frontEnd);
    this.#nMels = frontEnd.bands;
    this.#speech = speech;
  }

  get secondsRead(): number {
    return this.#mel.secondsRead;
  }

  get ended(): boolean {
    return this.#mel.ended;
  }

  /** The next window; undefined at the end of the audio. */
  async next(dtype: Dtype, signal: AbortSignal): Promise<PackedWindow | undefined> {
    for (;;) {
      const availableSpeech = this.#availableSpeech();
      const packing = packNext(availableSpeech, WINDOW_FRAMES, (from, to) => this.#quietest(from, to));
      if (packing !== undefined) {
        const { window, end } = packing;
        const mel = mx.tidy(() => this.#assemble(window).astype(dtype));
        await mx.ready(mel);
        const spoken = this.#speech && spansInWindow(window, availableSpeech.tight);
        const packed = { ...window, mel, spoken, voice: this.#voice(window) };
        this.#dropBefore(end);
        return packed;
      }
      if (this.#mel.ended) return undefined;
      if (availableSpeech.segments.length === 0) this.#dropBefore(this.#stableFrames());
      this.#requestedFrames = Math.max(this.#requestedFrames, this.#packedFrames) + STEP_FRAMES;
      await this.#mel.fill(this.#requestedFrames, signal);
    }
  }

  async dispose(): Promise<void> {
    await this.#mel.dispose();
  }

  #availableSpeech(): AvailableSpeech {
    const { ended, contentFrames } = this.#mel;
    const [packedFrames, speech] = [this.#packedFrames, this.#speech];
    if (speech === undefined) {
      return {
        segments: contentFrames > packedFrames ? [{ start: packedFrames, end: contentFrames }] : [],
        tight: [],
        ended,
      };
    }
    const segments = toFrames(speech.segmentsAfter(packedFrames * HOP_SAMPLES), packedFrames, contentFrames);
    const first = segments[0]?.start ?? Infinity;
    return {
      segments,
      tight: toFrames(
        speech.tightSegments(packedFrames * HOP_SAMPLES, contentFrames * HOP_SAMPLES),
        packedFrames,
        contentFrames,
      ),
      ended: ended || this.#stableFrames() - first > MAX_SPAN_FRAMES,
    };
  }

  /** Speech before this frame is final. */
  #stableFrames(): number {
    return Math.floor((this.#speech?.stableSamples ?? 0) / HOP_SAMPLES);
  }

  /** Drops frames that no later window needs. */
  #dropBefore(before: number): void {
    this.#packedFrames = Math.max(this.#packedFrames, before);
    this.#mel.drop(this.#packedFrames);
    this.#speech?.drop(this.#packedFrames * HOP_SAMPLES);
  }

  #voice({ pieces }: PackedSpeech): VoiceEvidence | undefined {
    const speech = this.#speech;
    if (speech === undefined) return undefined;
    const found = pieces.map(({ start, end }) => speech.evidence(start * HOP_SAMPLES, end * HOP_SAMPLES));
    return {
      maxProbability: Math.max(...found.map(({ maxProbability }) => maxProbability)),
      seconds: found.reduce((sum, { seconds }) => sum + seconds, 0),
    };
  }

  #assemble({ pieces }: PackedSpeech): MxArray {
    const { peak } = this.#mel;
    if (peak === undefined) throw new RangeError('a window without audio');
    const raw = mx.concatenate(
      pieces.map(({ start, end }) => this.#mel.slice(start, end)),
      0,
    ); // [n, nMels]
    const mel = scaledMel(raw, peak);
    const missing = WINDOW_FRAMES - (mel.shape[0] ?? 0);
    const whole = missing > 0 ? mx.concatenate([mel, mx.zeros([missing, this.#nMels])], 0) : mel;
    return mx.reshape(whole, [1, WINDOW_FRAMES, this.#nMels]);
  }

  /** The middle of the quietest third of a second between two frames. */
  #quietest(from: number, to: number): number {
    return (
      from + quietestFrame(mx.tidy(() => mx.mean(this.#mel.slice(from, to), -1).toTypedArray('float32')))
    );
  }
}

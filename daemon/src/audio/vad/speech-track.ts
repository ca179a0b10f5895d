import { SpeechStretches, type SpeechOptions, type Stretch } from './speech-stretches.js';
import type { VadStream } from './voice-activity.js';

/** Speech without the air around it, for the times of words. Measured: 30 ms are nearer to what people hear than none. */
const TIGHT: SpeechOptions = { minSilenceMs: 100, minSpeechMs: 60, speechPadMs: 30 };

/** What is known, while a stream is read, of where somebody speaks in it. */
export class SpeechTrack {
  readonly #probabilities: VadStream;
  readonly #cutter: SpeechStretches;
  readonly #tightCutter = new SpeechStretches(TIGHT);
  #found: Stretch[] = [];
  #tight: Stretch[] = [];
  #samples = 0;
  #ended = false;

  constructor(probabilities: VadStream, options: SpeechOptions = {}) {
    this.#probabilities = probabilities;
    this.#cutter = new SpeechStretches(options);
  }

  push(samples: Float32Array): void {
    this.#samples += samples.length;
    this.#take(this.#probabilities.push(samples));
  }

  end(): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#take(this.#probabilities.flush());
    this.#found.push(...this.#cutter.end(this.#samples));
    this.#tight.push(...this.#tightCutter.end(this.#samples));
  }

  #take(probabilities: Float32Array): void {
    this.#found.push(...this.#cutter.push(probabilities));
    this.#tight.push(...this.#tightCutter.push(probabilities));
  }

  /** Up to this sample nothing will change; nobody speaks between the stretches before it. */
  get settledSamples(): number {
    return this.#ended ? this.#samples : this.#cutter.settledSamples;
  }

  /** Stretches that reach beyond sample `from`. One that goes on ends, as yet, where the audio read so far ends. */
  after(from: number): Stretch[] {
    const going: Stretch[] = [];
    if (!this.#ended && this.#cutter.isOpen) going.push({ start: this.settledSamples, end: this.#samples });
    return [...this.#found, ...going].filter(({ end }) => end > from);
  }

  /** Stretches between two samples without the pauses and the padding that `after` leaves in: where words can be. */
  within(from: number, to: number): Stretch[] {
    return this.#tight.filter(({ start, end }) => end > from && start < to);
  }

  /** Forgets what ends before a sample. */
  drop(before: number): void {
    this.#found = this.#found.filter(({ end }) => end > before);
    this.#tight = this.#tight.filter(({ end }) => end > before);
  }

  /** The same samples, looked through as they go by. */
  async *watch(samples: AsyncIterable<Float32Array>): AsyncGenerator<Float32Array> {
    for await (const chunk of samples) {
      this.push(chunk);
      yield chunk;
    }
    this.end();
  }
}

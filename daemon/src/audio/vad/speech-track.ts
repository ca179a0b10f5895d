import { SpeechStretches, type SpeechOptions, type Stretch } from './speech-stretches.js';
import type { VadStream } from './voice-activity.js';

/** What is known, while a stream is read, of where somebody speaks in it. */
export class SpeechTrack {
  readonly #probabilities: VadStream;
  readonly #cutter: SpeechStretches;
  #found: Stretch[] = [];
  #samples = 0;
  #ended = false;

  constructor(probabilities: VadStream, options: SpeechOptions = {}) {
    this.#probabilities = probabilities;
    this.#cutter = new SpeechStretches(options);
  }

  push(samples: Float32Array): void {
    this.#samples += samples.length;
    this.#found.push(...this.#cutter.push(this.#probabilities.push(samples)));
  }

  end(): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#found.push(...this.#cutter.push(this.#probabilities.flush()), ...this.#cutter.end(this.#samples));
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

  /** Forgets what ends before a sample. */
  drop(before: number): void {
    this.#found = this.#found.filter(({ end }) => end > before);
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

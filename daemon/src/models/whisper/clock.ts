import type { Timings } from '#daemon/protocol/transcription.js';

type Part = Exclude<keyof Timings, 'total'>;

/** Wall time by part of the work. Time that the reader of the events takes is in the total only. */
export class Clock {
  readonly #begin = performance.now();
  readonly #seconds: Record<Part, number> = { mel: 0, encode: 0, decode: 0 };

  async time<T>(part: Part, work: () => Promise<T>): Promise<T> {
    const begin = performance.now();
    const result = await work();
    this.add(part, (performance.now() - begin) / 1000);
    return result;
  }

  add(part: Part, seconds: number): void {
    this.#seconds[part] += seconds;
  }

  timings(): Timings {
    return { ...this.#seconds, total: (performance.now() - this.#begin) / 1000 };
  }
}

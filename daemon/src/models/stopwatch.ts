import type { Timings } from '#daemon/protocol/transcription.js';

type Phase = Exclude<keyof Timings, 'total'>;

/** Wall time by phase. The time of the consumer of the events counts only in the total. */
export class Stopwatch {
  readonly #begin = performance.now();
  readonly #seconds: Record<Phase, number> = { mel: 0, encode: 0, decode: 0 };

  async time<T>(phase: Phase, work: () => Promise<T>): Promise<T> {
    const begin = performance.now();
    const result = await work();
    this.add(phase, (performance.now() - begin) / 1000);
    return result;
  }

  add(phase: Phase, seconds: number): void {
    this.#seconds[phase] += seconds;
  }

  timings(): Timings {
    return { ...this.#seconds, total: (performance.now() - this.#begin) / 1000 };
  }
}

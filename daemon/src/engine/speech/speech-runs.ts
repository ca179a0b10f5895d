/** The speeches of the engine. Each leases its model until it is over. */
import type { FromEngine, ToEngine } from '#daemon/protocol/ipc.js';
import { throwIfCancelled } from '../../async.js';
import type { ComputeScheduler } from '../compute-scheduler.js';
import { engineError } from '../engine-errors.js';
import type { ModelCache } from '../model-cache.js';
import type { OpenAudio } from '../files/file-context.js';
import { speechFrom, type SpeechMaker } from './speech-from.js';
import { SpeechRun } from './speech-run.js';

type Open = Extract<ToEngine, { type: 'speech-open' }>;

interface SpeechRunsDeps {
  readonly models: ModelCache;
  readonly scheduler: ComputeScheduler;
  readonly openAudio: OpenAudio;
  readonly send: (message: FromEngine) => void;
  /** Called when the first speech opens, and when the last one is over. */
  readonly onBusy: (busy: boolean) => void;
}

export class SpeechRuns {
  readonly #deps: SpeechRunsDeps;
  /** Speeches that wait for their model, with the controller that cancels the wait. */
  readonly #waiting = new Map<number, AbortController>();
  readonly #runs = new Map<number, SpeechRun>();
  #idleWaiters: (() => void)[] = [];

  constructor(deps: SpeechRunsDeps) {
    this.#deps = deps;
  }

  async open({ speech, model: ref, source }: Open): Promise<void> {
    const { models, scheduler, openAudio, send, onBusy } = this.#deps;
    const cancelled = new AbortController();
    const { signal } = cancelled;
    if (!this.#isBusy) onBusy(true);
    this.#waiting.set(speech, cancelled);
    let release = (): void => undefined;
    try {
      const held = await models.hold(ref, signal);
      release = held.release;
      throwIfCancelled(signal);
      const onOver = (): void => {
        release();
        this.#remove(speech);
      };
      this.#waiting.delete(speech);
      const begin = (ending: AbortSignal): Promise<SpeechMaker> =>
        speechFrom(held.model, source, openAudio, ending);
      this.#runs.set(speech, new SpeechRun({ speech, open: begin, scheduler, send, onOver }));
    } catch (thrown) {
      release();
      if (!signal.aborted) send({ type: 'speech-failed', speech, error: engineError(thrown).toWire() });
      this.#remove(speech);
    }
  }

  acknowledge(speech: number, samples: number): void {
    this.#runs.get(speech)?.acknowledge(samples);
  }

  cancel(speech: number): void {
    this.#runs.get(speech)?.cancel();
    this.#waiting.get(speech)?.abort();
  }

  /** Cancels all speeches. Resolves once none of them computes. */
  async close(): Promise<void> {
    for (const speech of [...this.#runs.keys(), ...this.#waiting.keys()]) this.cancel(speech);
    if (this.#isBusy) await new Promise<void>((resolve) => this.#idleWaiters.push(resolve));
  }

  get #isBusy(): boolean {
    return this.#runs.size + this.#waiting.size > 0;
  }

  #remove(speech: number): void {
    const wasBusy = this.#isBusy;
    this.#waiting.delete(speech);
    this.#runs.delete(speech);
    if (!wasBusy || this.#isBusy) return;
    this.#deps.onBusy(false);
    for (const resolve of this.#idleWaiters.splice(0)) resolve();
  }
}

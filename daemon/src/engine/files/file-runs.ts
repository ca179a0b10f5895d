/** The file jobs of the engine: one at a time, in the order of arrival. Live text and speech go first. */
import { defined } from '#daemon/protocol/defined.js';
import type { FromEngine, ToEngine } from '#daemon/protocol/ipc.js';
import { trace } from '../../trace.js';
import type { ComputeScheduler } from '../compute-scheduler.js';
import { engineError } from '../engine-errors.js';
import type { ModelLease } from '../loaded-model.js';
import type { ModelCache } from '../model-cache.js';
import { AudioPrefetcher, type AudioClaim } from './audio-prefetcher.js';
import { encodeFile } from './encoding-run.js';
import type { OpenAudio, OpenedAudio } from './file-context.js';
import { transcribeFile, type RowsFor } from './transcription-run.js';

type Run = Extract<ToEngine, { type: 'run' }>;
type LastMessage = Extract<FromEngine, { type: 'done' | 'encoded' | 'cancelled' | 'failed' }>;

interface FileRunsDeps {
  readonly models: ModelCache;
  readonly scheduler: ComputeScheduler;
  readonly openAudio: OpenAudio;
  readonly fingerprintOf: (path: string) => string | undefined;
  readonly rowsFor: RowsFor;
  readonly send: (message: FromEngine) => void;
  /** Called when a job arrives, and when the last one is over. */
  readonly onBusy: (busy: boolean) => void;
  /** Called after the last message of each job. */
  readonly onEnded: () => void;
}

export class FileRuns {
  readonly #deps: FileRunsDeps;
  readonly #next: AudioPrefetcher;
  #tail: Promise<void> = Promise.resolve();
  #current: { readonly id: number; readonly controller: AbortController } | undefined;
  /** Jobs that are waiting or running. */
  #count = 0;

  constructor(deps: FileRunsDeps) {
    this.#deps = deps;
    const { openAudio, fingerprintOf } = deps;
    this.#next = new AudioPrefetcher({ open: (path) => openAudio(path), fingerprintOf });
  }

  run(run: Run): void {
    const controller = new AbortController();
    this.#current = { id: run.job, controller };
    // Encoding needs the model's own rate, which is known once the model is loaded.
    const claim = run.work.task === 'transcribe' ? this.#next.claim(run.path) : undefined;
    this.#count += 1;
    if (this.#count === 1) this.#deps.onBusy(true);
    this.#tail = this.#tail
      .then(() => this.#run(run, claim, controller.signal))
      .then(() => {
        this.#count -= 1;
        if (this.#count === 0) this.#deps.onBusy(false);
      });
  }

  /** The file of the next job may be opened early; none without a path. */
  prefetch(path: string | undefined): void {
    this.#next.prefetch(path);
  }

  cancel(job: number): void {
    if (this.#current?.id === job) this.#current.controller.abort();
  }

  /** Cancels the current job. Resolves once no job computes. */
  close(): Promise<void> {
    this.#current?.controller.abort();
    this.#next.close();
    return this.#tail;
  }

  async #run(run: Run, claim: AudioClaim | undefined, signal: AbortSignal): Promise<void> {
    const { job } = run;
    if (signal.aborted) {
      claim?.release();
      this.#end({ type: 'cancelled', job });
      return;
    }
    trace('engine', 'job received');
    // Load and open at once: most of a load runs on other threads.
    const loading = this.#deps.models.hold(run.model, signal);
    loading.catch(() => undefined); // awaited below, unless something else fails first
    const { aligner } = { aligner: undefined, ...run.work };
    const loadingAligner = aligner && this.#deps.models.holdWith(aligner, run.model, signal);
    loadingAligner?.catch(() => undefined);
    const { openAudio, scheduler, rowsFor, send } = this.#deps;
    const open = (sampleRate?: number): Promise<OpenedAudio> =>
      claim?.open() ?? openAudio(run.path, sampleRate);
    const context = { job, open, loading, scheduler, signal, send, ...defined({ loadingAligner }) };
    try {
      const { work } = run;
      this.#end(
        work.task === 'encode'
          ? await encodeFile(context, work.options)
          : await transcribeFile(context, work.options, rowsFor),
      );
    } catch (thrown) {
      if (signal.aborted) this.#end({ type: 'cancelled', job });
      else this.#end({ type: 'failed', job, error: engineError(thrown).toWire() });
    }
    // A wrong path is reported at once, but the load must still end.
    await Promise.all([released(loading), released(loadingAligner)]);
  }

  #end(last: LastMessage): void {
    this.#current = undefined;
    this.#deps.send(last);
    this.#deps.onEnded();
  }
}

async function released(loading: Promise<ModelLease> | undefined): Promise<void> {
  await loading?.then(
    ({ release }) => release(),
    () => undefined,
  );
}

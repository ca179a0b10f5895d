/**
 * Transcribes the files of a run. Several are queued at the daemon, so that its engine never waits for the next one. A
 * file is recorded as done only after its text is in place.
 */
import { dirname } from 'node:path';
import type { SottoError } from '../protocol/errors.js';
import { codedError } from '../protocol/file-errors.js';
import type { JobEvent } from '../protocol/messages.js';
import type { BatchFile, BatchRun } from '../store/batch/batch-run.js';
import { digestOf } from '../writers/placement/digest.js';
import type { Transcriber } from './transcriber.js';
import { documentOf, type Document, type TranscriptOptions } from '../writers/transcript.js';
import { keptText, type KeptReason, type Outputs } from '../writers/placement/outputs.js';
import { displayPath } from '../display-path.js';
import { originOf, type BatchJob } from './batch-job.js';
import { sleep } from '../async.js';
import type { BatchProgress } from './batch-progress.js';
import { RetryPolicy } from './retry-policy.js';
import type { BatchView } from './batch-view.js';
import { defined } from '../protocol/defined.js';

interface BatchRunnerDeps {
  readonly run: BatchRun;
  readonly job: TranscriptOptions & Pick<BatchJob, 'model' | 'jobs'>;
  readonly outputs: Pick<Outputs, 'place'>;
  readonly transcriber: Transcriber;
  readonly view: BatchView;
  readonly progress: BatchProgress;
  readonly signal: AbortSignal;
}

export class BatchRunner {
  readonly #deps: BatchRunnerDeps;
  readonly #retryPolicy = new RetryPolicy();
  /** Aborted by the user, or by an error that no file can survive. */
  readonly #abortController = new AbortController();
  #stopped: SottoError | undefined;
  #backoff: Promise<void> = Promise.resolve();

  constructor(deps: BatchRunnerDeps) {
    this.#deps = deps;
    const { signal } = deps;
    if (signal.aborted) this.#abortController.abort();
    else signal.addEventListener('abort', () => this.#abortController.abort(), { once: true });
  }

  /**
   * Runs until no file waits or the signal is aborted; unfinished files then wait again.
   * @throws SottoError an error that affects every file
   */
  async untilNothingWaits(): Promise<void> {
    await Promise.all(Array.from({ length: this.#deps.job.jobs }, () => this.#runLane()));
    if (this.#stopped !== undefined) throw this.#stopped;
  }

  async #runLane(): Promise<void> {
    const { run } = this.#deps;
    for (;;) {
      await this.#backoff;
      if (this.#abortController.signal.aborted) return;
      try {
        const file = run.next();
        if (file === undefined) return;
        await this.#transcribeFile(file);
      } catch (error) {
        this.#stop(codedError(error));
        return;
      }
    }
  }

  /** Throws only if the outcome can't be recorded. */
  async #transcribeFile(file: BatchFile): Promise<void> {
    const { run, view, progress, outputs, job } = this.#deps;
    let started = false;
    let document: Document;
    try {
      document = await this.#transcribe(file, (event) => {
        if (event.type === 'started') started = true;
        if (event.type !== 'waiting') progress.started();
        view.event(file, event);
      });
    } catch (thrown) {
      this.#handleFailure(file, codedError(thrown), started);
      return;
    }
    const { text, transcript } = document;
    // The hash is recorded first, so that a later process can tell whether the text of an abandoned file is in place.
    run.placing(file, digestOf(text));
    let outcome: 'placed' | KeptReason;
    try {
      outcome = await outputs.place(file.target, text, { origin: originOf(job, file) });
    } catch (thrown) {
      this.#handleFailure(file, codedError(thrown), started);
      return;
    }
    this.#retryPolicy.recordSuccess();
    if (outcome !== 'placed') {
      run.skipped(file, outcome);
      progress.fileSkipped(file);
      view.left(file);
      view.note(keptNote(file, outcome));
      return;
    }
    const { durationSeconds, timings } = transcript.summary;
    run.done(file, { audioSeconds: durationSeconds, workSeconds: timings.total });
    progress.fileDone(file, durationSeconds);
    view.done(file, transcript);
  }

  #transcribe(file: BatchFile, onEvent: (event: JobEvent) => void): Promise<Document> {
    const { job, transcriber } = this.#deps;
    const { model, options } = job;
    const call = { signal: this.#abortController.signal, ...defined({ model }) };
    return documentOf(
      transcriber.transcribe(file.path, options, call),
      { file: displayPath(file.path), folder: dirname(file.target) },
      job,
      onEvent,
    );
  }

  #handleFailure(file: BatchFile, error: SottoError, started: boolean): void {
    const { run, view, progress } = this.#deps;
    if (this.#abortController.signal.aborted) {
      run.putBack(file);
      return;
    }
    const decision = this.#retryPolicy.decision(error, file.number, started);
    if (decision.action === 'failed') {
      run.failed(file, error);
      progress.fileFailed(file);
      view.failed(file, error);
      return;
    }
    run.putBack(file);
    view.left(file);
    if (decision.action === 'stop') this.#stop(error);
    else this.#pause(decision.afterMs, error);
  }

  #stop(error: SottoError): void {
    this.#stopped ??= error;
    this.#abortController.abort();
  }

  /** Pauses all lanes, because a transient error affects every file. */
  #pause(ms: number, error: SottoError): void {
    this.#deps.view.waiting(`${error.message}; trying again`);
    const pause = sleep(ms, this.#abortController.signal);
    this.#backoff = Promise.all([this.#backoff, pause]).then(() => undefined);
  }
}

/** `in/a.srt has changed since Sotto wrote it: kept (--overwrite replaces it)`. */
export function keptNote({ target }: Pick<BatchFile, 'target'>, reason: KeptReason): string {
  return `${keptText(displayPath(target), reason)}: kept (--overwrite replaces it)`;
}

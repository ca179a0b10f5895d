/**
 * The files of a run, done: several are in the daemon's hands at once, so that its engine finds the next one waiting when one
 * ends; each text is put in its place, and only then written down as done.
 */
import { dirname } from 'node:path';
import type { SottoError } from '../../protocol/errors.js';
import { codedError } from '../../protocol/file-problem.js';
import type { JobEvent } from '../../protocol/messages.js';
import type { BatchFile, BatchRun } from '../../store/batch/batch-run.js';
import { digestOf } from '../digest.js';
import type { Transcriber } from '../transcriber.js';
import { documentOf, type Document, type TranscriptOptions } from '../transcript.js';
import { keptText, type KeptReason, type Outputs } from '../outputs.js';
import { shownPath } from '../shown-path.js';
import { originOf, type BatchJob } from './identity.js';
import { sleep } from '../../async.js';
import type { Tally } from './tally.js';
import { Patience } from './trouble.js';
import type { BatchView } from './view.js';
import { defined } from '../../protocol/defined.js';

export interface WorkParts {
  readonly run: BatchRun;
  readonly job: TranscriptOptions & Pick<BatchJob, 'model' | 'jobs'>;
  readonly outputs: Pick<Outputs, 'place'>;
  readonly transcriber: Transcriber;
  readonly view: BatchView;
  readonly tally: Tally;
  readonly signal: AbortSignal;
}

export class BatchWork {
  readonly #parts: WorkParts;
  readonly #patience = new Patience();
  /** Of the work: by the user, or because nothing more can be done. */
  readonly #halt = new AbortController();
  #stopped: SottoError | undefined;
  #calm: Promise<void> = Promise.resolve();

  constructor(parts: WorkParts) {
    this.#parts = parts;
    const { signal } = parts;
    if (signal.aborted) this.#halt.abort();
    else signal.addEventListener('abort', () => this.#halt.abort(), { once: true });
  }

  /**
   * Works until no file waits, or the signal is aborted; what was begun then waits again.
   * @throws SottoError what no file can be done with
   */
  async untilNothingWaits(): Promise<void> {
    await Promise.all(Array.from({ length: this.#parts.job.jobs }, () => this.#lane()));
    if (this.#stopped !== undefined) throw this.#stopped;
  }

  async #lane(): Promise<void> {
    const { run } = this.#parts;
    for (;;) {
      await this.#calm;
      if (this.#halt.signal.aborted) return;
      try {
        const file = run.next();
        if (file === undefined) return;
        await this.#do(file);
      } catch (error) {
        this.#stop(codedError(error));
        return;
      }
    }
  }

  /** What it throws is not a matter of the file: it can't be written down what came of it. */
  async #do(file: BatchFile): Promise<void> {
    const { run, view, tally, outputs, job } = this.#parts;
    let begun = false;
    let document: Document;
    try {
      document = await this.#transcribe(file, (event) => {
        if (event.type === 'started') begun = true;
        if (event.type !== 'waiting') tally.begun();
        view.event(file, event);
      });
    } catch (thrown) {
      this.#notDone(file, codedError(thrown), begun);
      return;
    }
    const { text, transcript } = document;
    // In this order: whoever finds the file in somebody's hands can tell whether its text got to its place.
    run.placing(file, digestOf(text));
    let outcome: 'placed' | KeptReason;
    try {
      outcome = await outputs.place(file.target, text, { origin: originOf(job, file) });
    } catch (thrown) {
      this.#notDone(file, codedError(thrown), begun);
      return;
    }
    this.#patience.worked();
    if (outcome !== 'placed') {
      run.skipped(file, outcome);
      tally.fileSkipped(file);
      view.left(file);
      view.note(keptNote(file, outcome));
      return;
    }
    const { durationSeconds, timings } = transcript.summary;
    run.done(file, { audioSeconds: durationSeconds, workSeconds: timings.total });
    tally.fileDone(file, durationSeconds);
    view.done(file, transcript);
  }

  #transcribe(file: BatchFile, onEvent: (event: JobEvent) => void): Promise<Document> {
    const { job, transcriber } = this.#parts;
    const { model, options } = job;
    const call = { signal: this.#halt.signal, ...defined({ model }) };
    return documentOf(
      transcriber.transcribe(file.path, options, call),
      { file: shownPath(file.path), folder: dirname(file.target) },
      job,
      onEvent,
    );
  }

  #notDone(file: BatchFile, error: SottoError, begun: boolean): void {
    const { run, view, tally } = this.#parts;
    if (this.#halt.signal.aborted) {
      run.putBack(file);
      return;
    }
    const verdict = this.#patience.verdict(error, file.number, begun);
    if (verdict.is === 'failed') {
      run.failed(file, error);
      tally.fileFailed(file);
      view.failed(file, error);
      return;
    }
    run.putBack(file);
    view.left(file);
    if (verdict.is === 'stop') this.#stop(error);
    else this.#pause(verdict.afterMs, error);
  }

  #stop(error: SottoError): void {
    this.#stopped ??= error;
    this.#halt.abort();
  }

  /** For all: what troubles the one file troubles the others. */
  #pause(ms: number, error: SottoError): void {
    this.#parts.view.waiting(`${error.message}; trying again`);
    const pause = sleep(ms, this.#halt.signal);
    this.#calm = Promise.all([this.#calm, pause]).then(() => undefined);
  }
}

/** `in/a.srt has changed since Sotto wrote it: kept (--overwrite replaces it)`. */
export function keptNote({ target }: Pick<BatchFile, 'target'>, reason: KeptReason): string {
  return `${keptText(shownPath(target), reason)}: kept (--overwrite replaces it)`;
}

/** A transcription job of an HTTP request: its segments as a stream, and its result. */
import { SottoError } from '../../protocol/errors.js';
import type { JobSummary } from '../../protocol/messages.js';
import type { Segment } from '../../protocol/transcription.js';
import type { Job, JobNotice, JobRequest } from '../../sessions/jobs/job.js';
import type { JobScheduler } from '../../sessions/jobs/job-scheduler.js';

export interface TranscriptionResult {
  readonly segments: readonly Segment[];
  readonly summary: JobSummary;
}

export class TranscriptionJob {
  /** Segments received so far. */
  readonly segments: Segment[] = [];
  readonly #sessions: Pick<JobScheduler, 'cancel'>;
  readonly #job: Job;
  readonly #path: string;
  #summary: JobSummary | undefined;
  #failed: SottoError | undefined;
  #read = 0;
  #wake: () => void = () => undefined;
  readonly #firstEventReceived: Promise<void>;
  #resolveFirstEvent: () => void = () => undefined;

  /**
   * Submits the file. Each job is a separate client of the queue, so that requests are served fairly.
   *
   * @param signal cancels the job when the client disconnects
   * @param onOver called at the end, successful or not
   * @throws SottoError BUSY, MODEL_NOT_FOUND, DAEMON_UNAVAILABLE
   */
  constructor(
    sessions: Pick<JobScheduler, 'submit' | 'cancel'>,
    request: JobRequest,
    { signal, onOver }: { readonly signal: AbortSignal; readonly onOver: () => void },
  ) {
    this.#sessions = sessions;
    this.#path = request.path;
    this.#firstEventReceived = new Promise((resolve) => (this.#resolveFirstEvent = resolve));
    const abort = (): void => this.cancel();
    this.#job = sessions.submit({}, request, (notice) => {
      if (!this.#receive(notice)) return;
      signal.removeEventListener('abort', abort);
      onOver();
    });
    signal.addEventListener('abort', abort);
    if (signal.aborted) queueMicrotask(abort);
  }

  cancel(): void {
    this.#sessions.cancel(this.#job);
  }

  /** Resolves with the first text, or at the end. */
  firstEvent(): Promise<void> {
    return this.#firstEventReceived;
  }

  /** Yields segments as they arrive. @throws SottoError if the job fails */
  async *segmentStream(): AsyncGenerator<Segment> {
    for (;;) {
      const segment = this.segments[this.#read];
      if (segment !== undefined) {
        this.#read += 1;
        yield segment;
      } else if (this.#failed !== undefined) throw this.#failed;
      else if (this.#summary !== undefined) return;
      else await new Promise<void>((resolve) => (this.#wake = resolve));
    }
  }

  /** @throws SottoError if the job fails */
  async result(): Promise<TranscriptionResult> {
    while (this.#summary === undefined) {
      if (this.#failed !== undefined) throw this.#failed;
      await new Promise<void>((resolve) => (this.#wake = resolve));
    }
    return { segments: this.segments, summary: this.#summary };
  }

  get failed(): SottoError | undefined {
    return this.#failed;
  }

  /** @returns whether the job has ended */
  #receive(notice: JobNotice): boolean {
    switch (notice.type) {
      case 'waiting':
      case 'started':
        return false;
      case 'event':
        if (notice.event.type === 'segment') this.segments.push(notice.event.segment);
        break;
      case 'final':
        this.#summary = notice.summary;
        break;
      case 'cancelled':
        this.#failed = new SottoError('CANCELLED', 'the request was cancelled');
        break;
      case 'failed':
        this.#failed = withoutPath(notice.error, this.#path);
    }
    this.#resolveFirstEvent();
    this.#wake();
    return notice.type !== 'event';
  }
}

/** Removes the path of the upload from the message, because it is private and meaningless to the client. */
function withoutPath(error: SottoError, path: string): SottoError {
  if (!error.message.includes(path)) return error;
  const message = error.message.replaceAll(JSON.stringify(path), 'the file').replaceAll(path, 'the file');
  const { code, hint, retryable } = error;
  return new SottoError(code, message, { hint, retryable, cause: error });
}

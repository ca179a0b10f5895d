/** A file on its way to text, for somebody who waits for it: what is said of it, one after the other, and its end. */
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
  /** All that came so far. */
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
   * Hands the file in. Each is a client of its own, so that all who ask take turns.
   *
   * @param signal ends the work, as nobody waits for it
   * @param onOver called once it is over, however that came
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
    const leave = (): void => this.cancel();
    this.#job = sessions.submit({}, request, (notice) => {
      if (!this.#receive(notice)) return;
      signal.removeEventListener('abort', leave);
      onOver();
    });
    signal.addEventListener('abort', leave);
    if (signal.aborted) queueMicrotask(leave);
  }

  cancel(): void {
    this.#sessions.cancel(this.#job);
  }

  /** Resolves once something of the text, or the end, is here. */
  firstEvent(): Promise<void> {
    return this.#firstEventReceived;
  }

  /** Segments as they come. @throws SottoError why there are no more */
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

  /** All of it. @throws SottoError */
  async result(): Promise<TranscriptionResult> {
    while (this.#summary === undefined) {
      if (this.#failed !== undefined) throw this.#failed;
      await new Promise<void>((resolve) => (this.#wake = resolve));
    }
    return { segments: this.segments, summary: this.#summary };
  }

  /** Why it failed, once it did. */
  get failed(): SottoError | undefined {
    return this.#failed;
  }

  /** @returns whether this is the end */
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
        this.#failed = new SottoError('CANCELLED', 'the work was called off');
        break;
      case 'failed':
        this.#failed = withoutPath(notice.error, this.#path);
    }
    this.#resolveFirstEvent();
    this.#wake();
    return notice.type !== 'event';
  }
}

/** Where the file lies here tells whoever sent it nothing, and is nobody's business. */
function withoutPath(error: SottoError, path: string): SottoError {
  if (!error.message.includes(path)) return error;
  const message = error.message.replaceAll(JSON.stringify(path), 'the file').replaceAll(path, 'the file');
  const { code, hint, retryable } = error;
  return new SottoError(code, message, { hint, retryable, cause: error });
}

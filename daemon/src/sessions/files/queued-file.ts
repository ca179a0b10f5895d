/** One file of the daemon's own queue: collects the events of its job for later readers. */
import { codedError } from '../../protocol/file-errors.js';
import { FILE_LIMITS, type FileJob } from '../../protocol/files.js';
import type { Segment } from '../../protocol/transcription.js';
import type { Job, JobNotice } from '../jobs/job.js';
import { defined } from '../../protocol/defined.js';

/** `state`: the job entered another state. `progress`: more text or audio in the same state. */
export type Change = 'state' | 'progress';

export class QueuedFile {
  readonly segments: Segment[] = [];
  #facts: FileJob;
  #job: Job | undefined;
  #tail = '';
  #tentative = '';
  #isRead = false;

  constructor(id: string, path: string, addedMs: number) {
    this.#facts = { id, path, addedMs, state: 'queued', doneSeconds: 0 };
  }

  get facts(): FileJob {
    return this.#facts;
  }

  get job(): Job | undefined {
    return this.#job;
  }

  get isOver(): boolean {
    const { state } = this.#facts;
    return state !== 'queued' && state !== 'running';
  }

  /** Whether the text is finished and no client has read it. */
  get isUnread(): boolean {
    return this.#facts.state === 'final' && !this.#isRead;
  }

  read(): void {
    this.#isRead = true;
  }

  /** @param submit submits the job; if it throws, the file fails with that error */
  begin(submit: () => Job): void {
    try {
      this.#job = submit();
    } catch (thrown) {
      this.#end({ state: 'failed', error: codedError(thrown).toWire() });
    }
  }

  apply(notice: JobNotice): Change {
    switch (notice.type) {
      case 'waiting':
        if (notice.for === 'file') this.#facts = { ...lastingFields(this.#facts), waitsFor: 'file' };
        else if (notice.for !== 'queue') this.#run({ waitsFor: notice.for });
        else this.#facts = { ...lastingFields(this.#facts), position: notice.position ?? 1 };
        return 'state';
      case 'started': {
        const { durationSeconds } = notice;
        this.#run(durationSeconds === undefined ? {} : { durationSeconds });
        return 'state';
      }
      case 'event':
        return this.#event(notice.event);
      case 'final': {
        const { summary } = notice;
        const { language, durationSeconds } = summary;
        this.#end({ state: 'final', summary, language, durationSeconds, doneSeconds: durationSeconds });
        return 'state';
      }
      case 'cancelled':
        this.#end({ state: 'cancelled' });
        return 'state';
      case 'failed':
        this.#end({ state: 'failed', error: notice.error.toWire() });
        return 'state';
    }
  }

  #event(event: Extract<JobNotice, { type: 'event' }>['event']): Change {
    switch (event.type) {
      case 'language':
        this.#run({ language: event.language });
        break;
      case 'text':
        this.#tentative = event.text.slice(-FILE_LIMITS.tailLength);
        this.#run({});
        break;
      case 'segment':
        this.segments.push(event.segment);
        this.#tail = (this.#tail + event.segment.text).slice(-FILE_LIMITS.tailLength);
        this.#tentative = '';
        this.#run({});
        break;
      case 'progress':
        this.#run({ doneSeconds: event.seconds });
    }
    return 'progress';
  }

  #run(more: Partial<FileJob>): void {
    const live = { tail: this.#tail, tentative: this.#tentative };
    this.#facts = { ...lastingFields(this.#facts), ...live, state: 'running', ...more };
  }

  #end(more: Partial<FileJob>): void {
    this.#facts = { ...lastingFields(this.#facts), ...more };
  }
}

/** The fields that hold in every state. */
function lastingFields(facts: FileJob): FileJob {
  const { id, path, addedMs, state, doneSeconds, durationSeconds, language } = facts;
  return {
    ...{ id, path, addedMs, state, doneSeconds },
    ...defined({ durationSeconds, language }),
  };
}

/** One file that the daemon transcribes by itself: what its job says, kept for whoever comes to read it. */
import { codedError } from '../../protocol/file-errors.js';
import { FILE_LIMITS, type FileJob } from '../../protocol/files.js';
import type { Segment } from '../../protocol/transcription.js';
import type { Job, JobNotice } from '../jobs/job.js';
import { defined } from '../../protocol/defined.js';

/** `moved`: another state. `went on`: more of the same. */
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

  /** Whether there is a text that nobody has seen. */
  get isUnread(): boolean {
    return this.#facts.state === 'final' && !this.#isRead;
  }

  read(): void {
    this.#isRead = true;
  }

  /** @param submit hands it in; what it throws is why the file failed */
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

/** What holds in every state. */
function lastingFields(facts: FileJob): FileJob {
  const { id, path, addedMs, state, doneSeconds, durationSeconds, language } = facts;
  return {
    ...{ id, path, addedMs, state, doneSeconds },
    ...defined({ durationSeconds, language }),
  };
}

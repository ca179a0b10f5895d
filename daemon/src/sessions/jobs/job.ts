/**
 * One file on its way to text or codes: `queued → running → final | cancelled | failed`. Exactly one final notice is sent
 * and nothing after it; notices that must not be dropped are numbered from 1 without gaps.
 */
import type { Codes, EncodeOptions, EncodeSummary } from '../../protocol/codec.js';
import { SottoError } from '../../protocol/errors.js';
import type { EngineSummary, FileWork, ModelRef } from '../../protocol/ipc.js';
import type { JobSummary } from '../../protocol/messages.js';
import type { TranscribeEvent, TranscribeOptions } from '../../protocol/transcription.js';
import { CodesReplay } from './codes-replay.js';
import { Replay } from './replay.js';

type JobState = 'queued' | 'running' | 'final' | 'cancelled' | 'failed';

export interface FileRequest {
  /** Absolute path of an audio file. */
  readonly path: string;
  /** A model's name or directory; the chosen model of the task if omitted. */
  readonly model?: string;
  /** The client can write a copy of a file that the daemon can't open; it is notified with `waiting` for `file`. */
  readonly supplies?: boolean;
  /** A file of the daemon's own, which can always be opened. */
  readonly isUpload?: boolean;
}

export interface JobRequest extends FileRequest {
  readonly options?: TranscribeOptions;
}

export interface EncodeRequest extends FileRequest {
  readonly options?: EncodeOptions;
}

/** Events for the client that submitted a job, whatever its task. */
type FileNotice =
  | {
      type: 'waiting';
      for: 'queue' | 'engine' | 'model' | 'file';
      position?: number;
      why?: 'denied' | 'slow';
    }
  | { type: 'started'; attempt: number; durationSeconds?: number }
  | { type: 'cancelled'; seq: number }
  | { type: 'failed'; seq: number; error: SottoError };

export type JobNotice =
  | FileNotice
  | { type: 'event'; seq?: number; event: TranscribeEvent }
  | { type: 'final'; seq: number; summary: JobSummary };

export type EncodeNotice =
  | FileNotice
  | { type: 'codes'; seq: number; codes: Codes; seconds: number }
  | { type: 'encoded'; seq: number; summary: EncodeSummary & { readonly model: string } };

interface JobInit {
  readonly number: number;
  readonly request: FileRequest;
  readonly work: FileWork;
  readonly model: ModelRef;
  readonly notify: (notice: JobNotice | EncodeNotice) => void;
}

export class Job {
  readonly number: number;
  readonly request: FileRequest;
  readonly work: FileWork;
  /** Replaced only before any text was sent. */
  model: ModelRef;
  readonly #notify: (notice: JobNotice | EncodeNotice) => void;
  readonly #replay = new Replay();
  readonly #codesReplay = new CodesReplay();
  #state: JobState = 'queued';
  #attempt = 0;
  #seq = 0;
  #position: number | undefined;
  /** Whether the last notice was `waiting` for `file`. */
  #isWaitingForFile = false;

  constructor({ number, request, work, model, notify }: JobInit) {
    this.number = number;
    this.request = request;
    this.work = work;
    this.model = model;
    this.#notify = notify;
  }

  get state(): JobState {
    return this.#state;
  }

  /** Runs so far, including the current one. */
  get attempt(): number {
    return this.#attempt;
  }

  get isOver(): boolean {
    return this.#state !== 'queued' && this.#state !== 'running';
  }

  /** Sends the queue position if it has changed. */
  queuedAt(position: number): void {
    if (this.#state !== 'queued' || position === this.#position) return;
    this.#position = position;
    this.#isWaitingForFile = false;
    this.#notify({ type: 'waiting', for: 'queue', position });
  }

  /** The daemon can't open the file (yet); the queue position is sent again once it can. */
  waitingForFile(why: 'denied' | 'slow'): void {
    if (this.#state !== 'queued') return;
    this.#position = undefined;
    this.#isWaitingForFile = true;
    this.#notify({ type: 'waiting', for: 'file', why });
  }

  /** `queued → running`, or another run after the engine was lost. */
  begin(): void {
    if (this.isOver) throw new SottoError('INTERNAL', `job ${this.number} is ${this.#state} and can't start`);
    if (this.#isWaitingForFile) this.queuedAt(1);
    this.#state = 'running';
    this.#attempt += 1;
    this.#replay.restart();
    this.#codesReplay.restart();
  }

  waiting(what: 'engine' | 'model'): void {
    if (this.#state === 'running') this.#notify({ type: 'waiting', for: what });
  }

  opened(durationSeconds: number | undefined): void {
    if (this.#state !== 'running') return;
    const length = durationSeconds === undefined ? {} : { durationSeconds };
    this.#notify({ type: 'started', attempt: this.#attempt, ...length });
  }

  event(event: TranscribeEvent): void {
    if (this.#state !== 'running' || !this.#replay.admit(event)) return;
    const display = event.type === 'text' || event.type === 'progress';
    this.#notify({ type: 'event', ...(display ? {} : { seq: ++this.#seq }), event });
  }

  finish(summary: EngineSummary): void {
    if (this.#state !== 'running') return;
    this.#state = 'final';
    const segments = this.#replay.segments;
    this.#notify({
      type: 'final',
      seq: ++this.#seq,
      summary: { ...summary, model: this.model.name, segments },
    });
  }

  codes(codes: Codes, seconds: number): void {
    if (this.#state !== 'running') return;
    const fresh = this.#codesReplay.fresh(codes);
    if (fresh !== undefined) this.#notify({ type: 'codes', seq: ++this.#seq, codes: fresh, seconds });
  }

  encoded(summary: EncodeSummary): void {
    if (this.#state !== 'running') return;
    this.#state = 'final';
    this.#notify({ type: 'encoded', seq: ++this.#seq, summary: { ...summary, model: this.model.name } });
  }

  cancel(): void {
    if (this.isOver) return;
    this.#state = 'cancelled';
    this.#notify({ type: 'cancelled', seq: ++this.#seq });
  }

  fail(error: SottoError): void {
    if (this.isOver) return;
    this.#state = 'failed';
    this.#notify({ type: 'failed', seq: ++this.#seq, error });
  }
}

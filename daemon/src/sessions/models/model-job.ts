/**
 * One job on models and its subscribers: each receives the numbered events from the first one on, whenever it
 * joined, and exactly one end.
 */
import { throwIfCancelled } from '../../async.js';
import type { Clock, Timer } from '../../clock.js';
import { SottoError } from '../../protocol/errors.js';
import { codedError } from '../../protocol/file-errors.js';
import type { ModelsEvent, ModelsResult } from '../../protocol/models.js';

export type ModelJobEvent =
  | { readonly type: 'event'; readonly seq?: number; readonly event: ModelsEvent }
  | { readonly type: 'done'; readonly seq: number; readonly result: ModelsResult }
  | { readonly type: 'failed'; readonly seq: number; readonly error: SottoError }
  | { readonly type: 'cancelled'; readonly seq: number };

/** @returns whether the event was sent: a slow reader may miss unnumbered ones */
export type ModelJobListener = (notice: ModelJobEvent) => boolean;

/** A client that waits for the job. */
export interface Subscription {
  /** Cancels the job for all subscribers. */
  cancel(): void;
  /** Unsubscribes. */
  leave(): void;
}

const PROGRESS_INTERVAL_MS = 100;

type Progress = Extract<ModelsEvent, { type: 'progress' }>;
type End = { readonly result: ModelsResult } | { readonly error: SottoError };

export interface ModelJobOptions {
  readonly clock: Clock;
  /** Completes "MODEL …" in messages: `is being pulled`. */
  readonly activity: string;
  /** Requests with the same key join this job. */
  readonly key: string;
  /** Whether the job is aborted when its last subscriber leaves. */
  readonly endsWithClients: boolean;
  /** The model that is pulled. */
  readonly pulledModel?: string;
}

export class ModelJob {
  readonly activity: string;
  readonly key: string;
  /** The model that is pulled; a fallback may replace the requested one. */
  pulledModel: string | undefined;
  /** Resolves when the job has ended. */
  readonly settled: Promise<void>;
  readonly #options: ModelJobOptions;
  readonly #abort = new AbortController();
  readonly #subscriptions = new Map<Subscription, ModelJobListener>();
  readonly #numbered: ModelsEvent[] = [];
  #progress: Progress | undefined;
  #broadcastMs = -Infinity;
  #timer: Timer | undefined;
  #end: End | undefined;
  #cancelledBy: Subscription | undefined;
  #reason: SottoError | undefined;
  #joining = 0;
  #resolve: () => void = () => undefined;

  constructor(options: ModelJobOptions) {
    this.#options = options;
    this.activity = options.activity;
    this.key = options.key;
    this.pulledModel = options.pulledModel;
    this.settled = new Promise((resolve) => (this.#resolve = resolve));
  }

  get signal(): AbortSignal {
    return this.#abort.signal;
  }

  get isOver(): boolean {
    return this.#end !== undefined;
  }

  /** For the log. */
  get outcome(): { readonly code?: string } {
    return this.#end !== undefined && 'error' in this.#end ? { code: this.#end.error.code } : {};
  }

  /** Runs the job once; if `task` throws, the job fails with that error. */
  async run(task: (job: this) => Promise<ModelsResult>): Promise<void> {
    // The request returns before its first event.
    await Promise.resolve();
    try {
      throwIfCancelled(this.signal);
      this.#settle({ result: await task(this) });
    } catch (error) {
      this.#settle({ error: codedError(error) });
    }
  }

  /** Sends an event to all subscribers; progress is throttled. */
  emit(event: ModelsEvent): void {
    if (this.isOver) return;
    if (event.type === 'progress') this.#emitProgress(event);
    else if (event.type === 'retry') this.#broadcast({ type: 'event', event });
    else {
      this.#numbered.push(event);
      this.#broadcast({ type: 'event', seq: this.#numbered.length, event });
    }
  }

  /** `listener` is called after this has returned. */
  join(listener: ModelJobListener): Subscription {
    let left = false;
    const subscription: Subscription = {
      cancel: () => {
        this.#cancelledBy ??= subscription;
        this.#abort.abort();
      },
      leave: () => {
        left = true;
        this.#subscriptions.delete(subscription);
        if (this.#options.endsWithClients && this.#subscriptions.size + this.#joining === 0)
          this.#abort.abort();
      },
    };
    this.#joining += 1;
    queueMicrotask(() => {
      this.#joining -= 1;
      if (left) {
        subscription.leave();
        return;
      }
      this.#numbered.forEach((event, index) => listener({ type: 'event', seq: index + 1, event }));
      if (this.#end !== undefined) {
        listener(this.#lastNotice(this.#end, subscription));
        return;
      }
      if (this.#progress !== undefined) listener({ type: 'event', event: this.#progress });
      this.#subscriptions.set(subscription, listener);
    });
    return subscription;
  }

  /** Aborts the job with the reason that subscribers receive. */
  abort(reason = cancelledElsewhere()): void {
    this.#reason ??= reason;
    this.#abort.abort();
  }

  #emitProgress(event: Progress): void {
    const before = this.#progress;
    const isNew = before?.stage !== event.stage;
    // A download that finds a damaged part restarts it: the shown progress does not go back.
    const progress =
      isNew || event.fraction >= before.fraction ? event : { ...event, fraction: before.fraction };
    const isEnd = progress.fraction >= 1 && (isNew || before.fraction < 1);
    this.#progress = progress;
    const dueMs = this.#broadcastMs + PROGRESS_INTERVAL_MS - this.#options.clock.nowMs();
    if (isNew || isEnd || dueMs <= 0) this.#broadcastProgress();
    // The last progress before a standstill is sent as well.
    else this.#timer ??= this.#options.clock.after(dueMs, () => this.#broadcastProgress());
  }

  #broadcastProgress(): void {
    this.#timer?.cancel();
    this.#timer = undefined;
    this.#broadcastMs = this.#options.clock.nowMs();
    if (this.#progress !== undefined) this.#broadcast({ type: 'event', event: this.#progress });
  }

  #broadcast(notice: ModelJobEvent): void {
    for (const listener of [...this.#subscriptions.values()]) listener(notice);
  }

  #settle(end: End): void {
    if (this.isOver) return;
    this.#timer?.cancel();
    this.#end = end;
    for (const [subscription, listener] of [...this.#subscriptions])
      listener(this.#lastNotice(end, subscription));
    this.#subscriptions.clear();
    this.#resolve();
  }

  #lastNotice(end: End, subscription: Subscription): ModelJobEvent {
    const seq = this.#numbered.length + 1;
    if ('result' in end) return { type: 'done', seq, result: end.result };
    if (end.error.code !== 'CANCELLED' || !this.signal.aborted)
      return { type: 'failed', seq, error: end.error };
    if (this.#cancelledBy === subscription) return { type: 'cancelled', seq };
    return { type: 'failed', seq, error: this.#reason ?? cancelledElsewhere() };
  }
}

function cancelledElsewhere(): SottoError {
  return new SottoError('CANCELLED', 'cancelled by another client', { hint: 'request it again' });
}

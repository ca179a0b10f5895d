/**
 * One piece of work on models, and all who wait for it: each hears the numbered events from the first one on, whenever
 * they joined, and exactly one end.
 */
import type { Clock, Timer } from '../../clock.js';
import { SottoError } from '../../protocol/errors.js';
import { codedError } from '../../protocol/file-problem.js';
import type { ModelsEvent, ModelsResult } from '../../protocol/models.js';

export type DeskNotice =
  | { readonly type: 'event'; readonly seq?: number; readonly event: ModelsEvent }
  | { readonly type: 'done'; readonly seq: number; readonly result: ModelsResult }
  | { readonly type: 'failed'; readonly seq: number; readonly error: SottoError }
  | { readonly type: 'cancelled'; readonly seq: number };

/** @returns whether it was passed on: a slow reader misses what is only for display */
export type DeskListener = (notice: DeskNotice) => boolean;

/** One who waits. */
export interface Member {
  /** Calls the work off, for all. */
  cancel(): void;
  /** Hears no more of it. */
  leave(): void;
}

/** How often progress is told. */
const PROGRESS_EVERY_MS = 100;

type Progress = Extract<ModelsEvent, { type: 'progress' }>;
type End = { readonly result: ModelsResult } | { readonly error: SottoError };

export interface WorkOptions {
  readonly clock: Clock;
  /** What is done, in words: `is being pulled`. */
  readonly doing: string;
  /** Requests that are the same join it. */
  readonly sameAs: string;
  /** Whether it is of no use to anybody once all who asked are gone. */
  readonly endsWithClients: boolean;
  /** The model that is pulled. */
  readonly brings?: string;
}

export class Work {
  readonly doing: string;
  readonly sameAs: string;
  /** The model that is pulled; it may turn out to be another one than was asked for. */
  brings: string | undefined;
  /** Resolves when it is over. */
  readonly settled: Promise<void>;
  readonly #options: WorkOptions;
  readonly #abort = new AbortController();
  readonly #members = new Map<Member, DeskListener>();
  readonly #numbered: ModelsEvent[] = [];
  #progress: Progress | undefined;
  #toldMs = -Infinity;
  #calm: Timer | undefined;
  #end: End | undefined;
  #calledOffBy: Member | undefined;
  #reason: SottoError | undefined;
  #joining = 0;
  #resolve: () => void = () => undefined;

  constructor(options: WorkOptions) {
    this.#options = options;
    this.doing = options.doing;
    this.sameAs = options.sameAs;
    this.brings = options.brings;
    this.settled = new Promise((resolve) => (this.#resolve = resolve));
  }

  get signal(): AbortSignal {
    return this.#abort.signal;
  }

  get over(): boolean {
    return this.#end !== undefined;
  }

  /** For the log. */
  get outcome(): { readonly code?: string } {
    return this.#end !== undefined && 'error' in this.#end ? { code: this.#end.error.code } : {};
  }

  /** Does it; what it throws is its end. To be called once. */
  async run(does: (work: this) => Promise<ModelsResult>): Promise<void> {
    // Whoever asked hears of it only after the answer to their call.
    await Promise.resolve();
    try {
      if (this.signal.aborted) throw new SottoError('CANCELLED', 'cancelled');
      this.#settle({ result: await does(this) });
    } catch (error) {
      this.#settle({ error: codedError(error) });
    }
  }

  /** Tells all of something; of progress no more than is pleasant to see. */
  say(event: ModelsEvent): void {
    if (this.over) return;
    if (event.type === 'progress') this.#sayProgress(event);
    else if (event.type === 'retry') this.#tell({ type: 'event', event });
    else {
      this.#numbered.push(event);
      this.#tell({ type: 'event', seq: this.#numbered.length, event });
    }
  }

  /** `listener` is called after this has returned. */
  join(listener: DeskListener): Member {
    let left = false;
    const member: Member = {
      cancel: () => {
        this.#calledOffBy ??= member;
        this.#abort.abort();
      },
      leave: () => {
        left = true;
        this.#members.delete(member);
        if (this.#options.endsWithClients && this.#members.size + this.#joining === 0) this.#abort.abort();
      },
    };
    this.#joining += 1;
    queueMicrotask(() => {
      this.#joining -= 1;
      if (left) {
        member.leave();
        return;
      }
      this.#numbered.forEach((event, index) => listener({ type: 'event', seq: index + 1, event }));
      if (this.#end !== undefined) {
        listener(this.#lastNotice(this.#end, member));
        return;
      }
      if (this.#progress !== undefined) listener({ type: 'event', event: this.#progress });
      this.#members.set(member, listener);
    });
    return member;
  }

  /** Calls it off, and says why. */
  callOff(reason = calledOffElsewhere()): void {
    this.#reason ??= reason;
    this.#abort.abort();
  }

  #sayProgress(event: Progress): void {
    const before = this.#progress;
    const isNew = before?.stage !== event.stage;
    // A download that finds out that something here is wrong has less than before: that is not shown.
    const progress =
      isNew || event.fraction >= before.fraction ? event : { ...event, fraction: before.fraction };
    const isEnd = progress.fraction >= 1 && (isNew || before.fraction < 1);
    this.#progress = progress;
    const dueMs = this.#toldMs + PROGRESS_EVERY_MS - this.#options.clock.nowMs();
    if (isNew || isEnd || dueMs <= 0) this.#tellProgress();
    // What comes last before a standstill is told as well.
    else this.#calm ??= this.#options.clock.after(dueMs, () => this.#tellProgress());
  }

  #tellProgress(): void {
    this.#calm?.cancel();
    this.#calm = undefined;
    this.#toldMs = this.#options.clock.nowMs();
    if (this.#progress !== undefined) this.#tell({ type: 'event', event: this.#progress });
  }

  #tell(notice: DeskNotice): void {
    for (const listener of [...this.#members.values()]) listener(notice);
  }

  #settle(end: End): void {
    if (this.over) return;
    this.#calm?.cancel();
    this.#end = end;
    for (const [member, listener] of [...this.#members]) listener(this.#lastNotice(end, member));
    this.#members.clear();
    this.#resolve();
  }

  #lastNotice(end: End, member: Member): DeskNotice {
    const seq = this.#numbered.length + 1;
    if ('result' in end) return { type: 'done', seq, result: end.result };
    if (end.error.code !== 'CANCELLED' || !this.signal.aborted)
      return { type: 'failed', seq, error: end.error };
    if (this.#calledOffBy === member) return { type: 'cancelled', seq };
    return { type: 'failed', seq, error: this.#reason ?? calledOffElsewhere() };
  }
}

function calledOffElsewhere(): SottoError {
  return new SottoError('CANCELLED', 'cancelled by another client', { hint: 'ask for it again' });
}

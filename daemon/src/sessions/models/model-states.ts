/**
 * Where each model stands, out of what three sides know: what lies on the disk, what works on its files, and what is in
 * memory. Watchers see one status a model, and only moves of `NEXT`: where the sides skip a step, it is told as well.
 */
import type { Clock } from '../../clock.js';
import { SottoError } from '../../protocol/errors.js';
import type { ModelState, ModelStatus } from '../../protocol/status.js';
import { defined } from '../../protocol/defined.js';

/** The legal moves. */
export const NEXT: Readonly<Record<ModelState, readonly ModelState[]>> = {
  absent: ['installed', 'downloading', 'failed'],
  downloading: ['verifying', 'installed', 'absent', 'loading', 'failed'],
  verifying: ['installed', 'downloading', 'absent', 'loading', 'failed'],
  installed: ['loading', 'downloading', 'verifying', 'absent', 'failed'],
  loading: ['warming', 'ready', 'installed', 'failed'],
  warming: ['ready', 'loading', 'installed', 'failed'],
  ready: ['installed', 'loading', 'failed'],
  failed: ['installed', 'absent', 'downloading', 'verifying', 'loading'],
};

export type NamedStatus = ModelStatus & { readonly name: string };

/** What works on the files of a model. */
export interface ModelFilesTask {
  /** @param fraction 0 … 1 */
  at(stage: 'downloading' | 'verifying', fraction?: number): void;
  /** The last word; what comes after it is not heard. `error` only where the model can't be used for it. */
  end(outcome: { readonly present: boolean; readonly error?: SottoError }): void;
}

interface WaitOptions {
  readonly timeoutMs: number;
  readonly signal?: AbortSignal;
}

interface ModelEntry {
  present: boolean;
  /** The first one shows. */
  readonly tasks: { stage: 'downloading' | 'verifying'; fraction: number | undefined }[];
  memory: NamedStatus | undefined;
  failure: SottoError | undefined;
  /** What watchers were told last. */
  reported: NamedStatus;
}

/** Failures that are remembered of models that are not here. */
const MAX_REMEMBERED_FAILURES = 64;

export class ModelStates {
  readonly #clock: Clock;
  readonly #known = new Map<string, ModelEntry>();
  readonly #watchers = new Set<(status: NamedStatus) => void>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  of(name: string): NamedStatus {
    return this.#known.get(name)?.reported ?? { name, state: 'absent' };
  }

  /** Those that are here, on their way, in memory, or failed. */
  all(): NamedStatus[] {
    return [...this.#known.values()]
      .map(({ reported }) => reported)
      .sort((a, b) => (a.name < b.name ? -1 : 1));
  }

  /** Names of all models that lie on the disk now. */
  disk(names: Iterable<string>): void {
    const onDisk = new Set(names);
    for (const name of onDisk) {
      const known = this.#get(name);
      // Another process brought it.
      if (!known.present) known.failure = undefined;
    }
    for (const [name, known] of [...this.#known]) {
      known.present = onDisk.has(name);
      this.#update(name);
    }
  }

  /** Work on a model's files begins. */
  begin(name: string, stage: 'downloading' | 'verifying'): ModelFilesTask {
    const known = this.#get(name);
    const task: ModelEntry['tasks'][number] = { stage, fraction: undefined };
    let over = false;
    known.tasks.push(task);
    known.failure = undefined;
    this.#update(name);
    return {
      at: (now, fraction) => {
        if (over) return;
        task.stage = now;
        task.fraction = fraction;
        this.#update(name);
      },
      end: ({ present, error }) => {
        if (over) return;
        over = true;
        known.tasks.splice(known.tasks.indexOf(task), 1);
        known.present = present;
        known.failure = error;
        this.#update(name);
        this.#forgetFailures();
      },
    };
  }

  /** All models in memory and on their way there, and those that could not be loaded. */
  memory(models: readonly ModelStatus[]): void {
    const now = new Map<string, NamedStatus>();
    for (const model of models) {
      const { name, state } = model;
      if (name === undefined || !(isInMemory(state) || state === 'failed')) continue;
      now.set(name, { ...model, name });
    }
    for (const [name, status] of now) this.#get(name).memory = status;
    for (const [name, known] of [...this.#known]) {
      known.memory = now.get(name);
      this.#update(name);
    }
  }

  /** Whether it is in memory or on its way there. */
  holds(name: string): boolean {
    const state = this.#known.get(name)?.memory?.state;
    return state !== undefined && isInMemory(state);
  }

  /** Tells of each move. @returns what ends that */
  watch(watcher: (status: NamedStatus) => void): () => void {
    this.#watchers.add(watcher);
    return () => void this.#watchers.delete(watcher);
  }

  /**
   * Waits until a model is ready.
   * @throws SottoError its own when it fails (or MODEL_LOAD_FAILED), also where another model takes its place; TIMEOUT, CANCELLED
   */
  when(name: string, { timeoutMs, signal }: WaitOptions): Promise<NamedStatus> {
    return new Promise((resolve, reject) => {
      const settle = (end: () => void): void => {
        unwatch();
        timer.cancel();
        signal?.removeEventListener('abort', cancel);
        end();
      };
      const cancel = (): void =>
        settle(() => reject(new SottoError('CANCELLED', `stopped waiting for ${name}`, { hint: '' })));
      const check = (status: NamedStatus): void => {
        if (status.fallbackFor?.name === name && status.state === 'ready') {
          const { error } = status.fallbackFor;
          settle(() => reject(SottoError.fromWire(error)));
        }
        if (status.name !== name) return;
        if (status.state === 'ready') settle(() => resolve(status));
        if (status.state === 'failed') settle(() => reject(failureOf(status)));
      };
      const unwatch = this.watch(check);
      const timer = this.#clock.after(timeoutMs, () =>
        settle(() => reject(this.#timeoutError(name, timeoutMs))),
      );
      if (signal?.aborted === true) cancel();
      else {
        signal?.addEventListener('abort', cancel, { once: true });
        check(this.of(name));
      }
    });
  }

  #timeoutError(name: string, timeoutMs: number): SottoError {
    const { state, fraction } = this.of(name);
    const far = fraction === undefined ? '' : `, ${Math.floor(fraction * 100)} %`;
    return new SottoError(
      'TIMEOUT',
      `${name} is not ready after ${Number((timeoutMs / 1000).toFixed(2))} s: ${state}${far}`,
    );
  }

  #get(name: string): ModelEntry {
    let known = this.#known.get(name);
    if (known === undefined) {
      const reported = { name, state: 'absent' } as const;
      known = { present: false, tasks: [], memory: undefined, failure: undefined, reported };
      this.#known.set(name, known);
    }
    return known;
  }

  #update(name: string): void {
    const known = this.#known.get(name);
    if (known === undefined) return;
    const next = statusOf(name, known);
    if (next.state === 'absent' && known.tasks.length === 0) this.#known.delete(name);
    const before = known.reported;
    if (next.state === before.state) {
      // Within a state it never goes back: two rounds of a download, an engine that begins to load anew.
      if (next.fraction !== undefined && before.fraction !== undefined && next.fraction < before.fraction)
        next.fraction = before.fraction;
      if (JSON.stringify(next) === JSON.stringify(before)) return;
      this.#report(known, next);
      return;
    }
    for (const state of stepsBetween(before.state, next.state)) this.#report(known, { name, state });
    this.#report(known, next);
  }

  #report(known: ModelEntry, status: NamedStatus): void {
    known.reported = status;
    for (const watcher of [...this.#watchers]) watcher(status);
  }

  #forgetFailures(): void {
    const failed = [...this.#known].filter(
      ([, { failure, present, tasks }]) => failure !== undefined && !present && tasks.length === 0,
    );
    for (const [name, known] of failed.slice(0, Math.max(0, failed.length - MAX_REMEMBERED_FAILURES))) {
      known.failure = undefined;
      this.#update(name);
    }
  }
}

function statusOf(name: string, { memory, tasks, failure, present }: ModelEntry): NamedStatus {
  if (memory !== undefined && isInMemory(memory.state)) return { ...memory };
  const [task] = tasks;
  if (task !== undefined) {
    return { name, state: task.stage, ...defined({ fraction: task.fraction }) };
  }
  if (memory !== undefined) return { ...memory };
  if (failure !== undefined) return { name, state: 'failed', error: failure.toWire() };
  return { name, state: present ? 'installed' : 'absent' };
}

export function isInMemory(state: ModelState): boolean {
  return state === 'loading' || state === 'warming' || state === 'ready';
}

function failureOf({ name, error }: NamedStatus): SottoError {
  return error === undefined
    ? new SottoError('MODEL_LOAD_FAILED', `${name} could not be loaded`)
    : SottoError.fromWire(error);
}

/** The states on the shortest way from one to the other, without the two. No way leads through an end. */
export function stepsBetween(from: ModelState, to: ModelState): ModelState[] {
  let ways: ModelState[][] = [[from]];
  const seen = new Set<ModelState>([from]);
  while (ways.length > 0) {
    const longer: ModelState[][] = [];
    for (const way of ways) {
      for (const next of NEXT[way.at(-1) ?? from]) {
        if (next === to) return way.slice(1);
        if (seen.has(next) || next === 'ready' || next === 'failed') continue;
        seen.add(next);
        longer.push([...way, next]);
      }
    }
    ways = longer;
  }
  throw new SottoError('INTERNAL', `no model gets from ${from} to ${to}`);
}

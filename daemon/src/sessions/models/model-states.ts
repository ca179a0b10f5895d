/**
 * The state of each model, from three sources: models on disk, tasks on their files, and models in memory. Watchers
 * see one status for each model and only the transitions of `NEXT`; skipped states are reported too.
 */
import type { Clock } from '../../clock.js';
import { SottoError } from '../../protocol/errors.js';
import type { ModelState, ModelStatus } from '../../protocol/status.js';
import { defined } from '../../protocol/defined.js';

/** The legal transitions. */
export const TRANSITIONS: Readonly<Record<ModelState, readonly ModelState[]>> = {
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

/** A running task on the files of a model. */
export interface ModelFilesTask {
  /** @param fraction 0 … 1 */
  at(stage: 'downloading' | 'verifying', fraction?: number): void;
  /** Ends the task; later calls are ignored. `error` only if it makes the model unusable. */
  end(outcome: { readonly present: boolean; readonly error?: SottoError }): void;
}

interface WaitOptions {
  readonly timeoutMs: number;
  readonly signal?: AbortSignal;
}

interface ModelEntry {
  present: boolean;
  /** The first task is the one shown. */
  readonly tasks: { stage: 'downloading' | 'verifying'; fraction: number | undefined }[];
  memory: NamedStatus | undefined;
  failure: SottoError | undefined;
  /** The status that watchers received last. */
  reported: NamedStatus;
}

/** Failures remembered for models that are not installed. */
const MAX_REMEMBERED_FAILURES = 64;

export class ModelStates {
  readonly #clock: Clock;
  readonly #entries = new Map<string, ModelEntry>();
  readonly #watchers = new Set<(status: NamedStatus) => void>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  status(name: string): NamedStatus {
    return this.#entries.get(name)?.reported ?? { name, state: 'absent' };
  }

  /** Models that are installed, downloading, in memory or failed. */
  all(): NamedStatus[] {
    return [...this.#entries.values()]
      .map(({ reported }) => reported)
      .sort((a, b) => (a.name < b.name ? -1 : 1));
  }

  /** Sets the names of all models on disk. */
  setInstalled(names: Iterable<string>): void {
    const onDisk = new Set(names);
    for (const name of onDisk) {
      const entry = this.#get(name);
      // Another process installed it.
      if (!entry.present) entry.failure = undefined;
    }
    for (const [name, entry] of [...this.#entries]) {
      entry.present = onDisk.has(name);
      this.#update(name);
    }
  }

  /** Starts a task on a model's files. */
  beginTask(name: string, stage: 'downloading' | 'verifying'): ModelFilesTask {
    const entry = this.#get(name);
    const task: ModelEntry['tasks'][number] = { stage, fraction: undefined };
    let over = false;
    entry.tasks.push(task);
    entry.failure = undefined;
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
        entry.tasks.splice(entry.tasks.indexOf(task), 1);
        entry.present = present;
        entry.failure = error;
        this.#update(name);
        this.#forgetFailures();
      },
    };
  }

  /** Sets all models that are in memory, loading or failed to load. */
  setLoaded(models: readonly ModelStatus[]): void {
    const now = new Map<string, NamedStatus>();
    for (const model of models) {
      const { name, state } = model;
      if (name === undefined || !(isInMemory(state) || state === 'failed')) continue;
      now.set(name, { ...model, name });
    }
    for (const [name, status] of now) this.#get(name).memory = status;
    for (const [name, entry] of [...this.#entries]) {
      entry.memory = now.get(name);
      this.#update(name);
    }
  }

  /** Whether the model is in memory or loading. */
  isLoaded(name: string): boolean {
    const state = this.#entries.get(name)?.memory?.state;
    return state !== undefined && isInMemory(state);
  }

  /** Calls `watcher` with each transition. @returns unsubscribes it */
  watch(watcher: (status: NamedStatus) => void): () => void {
    this.#watchers.add(watcher);
    return () => void this.#watchers.delete(watcher);
  }

  /**
   * Waits until a model is ready.
   * @throws SottoError the model's own if it fails (or MODEL_LOAD_FAILED), also if a fallback replaces it; TIMEOUT,
   *   CANCELLED
   */
  waitUntilReady(name: string, { timeoutMs, signal }: WaitOptions): Promise<NamedStatus> {
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
        check(this.status(name));
      }
    });
  }

  #timeoutError(name: string, timeoutMs: number): SottoError {
    const { state, fraction } = this.status(name);
    const progress = fraction === undefined ? '' : `, ${Math.floor(fraction * 100)}%`;
    return new SottoError(
      'TIMEOUT',
      `${name} is not ready after ${Number((timeoutMs / 1000).toFixed(2))} s: ${state}${progress}`,
    );
  }

  #get(name: string): ModelEntry {
    let entry = this.#entries.get(name);
    if (entry === undefined) {
      const reported = { name, state: 'absent' } as const;
      entry = { present: false, tasks: [], memory: undefined, failure: undefined, reported };
      this.#entries.set(name, entry);
    }
    return entry;
  }

  #update(name: string): void {
    const entry = this.#entries.get(name);
    if (entry === undefined) return;
    const next = statusOf(name, entry);
    if (next.state === 'absent' && entry.tasks.length === 0) this.#entries.delete(name);
    const before = entry.reported;
    if (next.state === before.state) {
      // Progress never goes back within a state, not even if a download has two rounds or an engine loads again.
      if (next.fraction !== undefined && before.fraction !== undefined && next.fraction < before.fraction)
        next.fraction = before.fraction;
      if (JSON.stringify(next) === JSON.stringify(before)) return;
      this.#report(entry, next);
      return;
    }
    for (const state of statesBetween(before.state, next.state)) this.#report(entry, { name, state });
    this.#report(entry, next);
  }

  #report(entry: ModelEntry, status: NamedStatus): void {
    entry.reported = status;
    for (const watcher of [...this.#watchers]) watcher(status);
  }

  #forgetFailures(): void {
    const failed = [...this.#entries].filter(
      ([, { failure, present, tasks }]) => failure !== undefined && !present && tasks.length === 0,
    );
    for (const [name, entry] of failed.slice(0, Math.max(0, failed.length - MAX_REMEMBERED_FAILURES))) {
      entry.failure = undefined;
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

/**
 * The states between two states on the shortest path, without both ends. No path leads through `ready` or `failed`.
 */
export function statesBetween(from: ModelState, to: ModelState): ModelState[] {
  let ways: ModelState[][] = [[from]];
  const seen = new Set<ModelState>([from]);
  while (ways.length > 0) {
    const longer: ModelState[][] = [];
    for (const way of ways) {
      for (const next of TRANSITIONS[way.at(-1) ?? from]) {
        if (next === to) return way.slice(1);
        if (seen.has(next) || next === 'ready' || next === 'failed') continue;
        seen.add(next);
        longer.push([...way, next]);
      }
    }
    ways = longer;
  }
  throw new SottoError('INTERNAL', `no transition leads from ${from} to ${to}`);
}

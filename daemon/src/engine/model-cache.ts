/**
 * The models in memory: the one that is kept for those who name none, and guests. A model is loaded beside those that
 * serve where memory allows it; else whoever nobody works with makes room, and whoever is in use is waited for.
 */
import type { Footprint } from '#daemon/models/footprint.js';
import type { Clock, Timer } from '#daemon/clock.js';
import { abortable } from '../async.js';
import type { LoadOptions, SpeechModel } from '#daemon/models/speech-model.js';
import { SottoError } from '#daemon/protocol/errors.js';
import type { EngineModel, ModelLimits, ModelRef } from '#daemon/protocol/ipc.js';
import { engineError } from './engine-errors.js';
import { LoadQueue } from './load-queue.js';
import { fitsWithOthers, assertFits, totalBytes } from './memory-budget.js';
import { LoadedModel, type ModelLease } from './loaded-model.js';
import { warmUp } from './warm-up.js';
import { defined } from '#daemon/protocol/defined.js';

export type LoadModel = (dir: string, options: LoadOptions) => Promise<SpeechModel>;

interface ModelCacheDeps {
  readonly load: LoadModel;
  /** What a model will take, from its files. */
  readonly footprint: (dir: string) => Promise<Footprint>;
  readonly clock: Clock;
  /** Told of all models at each change. */
  readonly onChange: (models: readonly EngineModel[]) => void;
  /** A model has gone: what the device keeps for reuse may go as well. */
  readonly onFreed: () => void;
  /** How fast the machine computes a model's window: 10⁹ floating-point operations a second. */
  readonly onMeasured?: (gflops: number) => void;
}

/** A guest that nobody works with stays so long: the next file or take may want it. */
const IDLE_EVICTION_MS = 60_000;
/** Progress is told in steps of this size. */
const PROGRESS_STEP = 0.05;

interface LoadingModel {
  readonly ref: ModelRef;
  /** Whether it comes ahead of time, to be kept: then it is warmed up. */
  readonly isPinned: boolean;
  /** Ends the first decode, nothing else. */
  readonly warmUp: AbortController;
  status: EngineModel;
}

export class ModelCache {
  readonly #deps: ModelCacheDeps;
  readonly #queue = new LoadQueue(() => this.#rest());
  /** By folder. */
  readonly #loadedModels = new Map<string, LoadedModel>();
  #limits: ModelLimits = {};
  #loading: LoadingModel | undefined;
  #pinnedDir: string | undefined;
  /** The kept one, while it is away to make room for a guest. */
  #displaced: ModelRef | undefined;
  #memoryWaiters: (() => void)[] = [];
  #isWaitingForMemory = false;
  readonly #closed = new AbortController();
  #unloadTimer: Timer | undefined;

  constructor(deps: ModelCacheDeps) {
    this.#deps = deps;
  }

  /** Whether a model waits until others that are in use leave it the memory. */
  get isWaitingForMemory(): boolean {
    return this.#isWaitingForMemory;
  }

  limit(limits: ModelLimits): void {
    this.#limits = limits;
    this.#rest();
  }

  /**
   * The model `ref`, in memory until it is released; at once if it is there.
   *
   * @throws SottoError for a model that can't be loaded; CANCELLED as soon as `signal` is aborted. A load that is under way
   *   then goes on: the next one may want it
   */
  hold(ref: ModelRef, signal?: AbortSignal): Promise<ModelLease> {
    const there = this.#loadedModels.get(ref.dir);
    if (there !== undefined) return Promise.resolve(this.#held(there));
    // Somebody waits now: the real work warms it up as well.
    this.#loading?.warmUp.abort();
    const held = this.#queue.add('requested', async () =>
      this.#held(await this.#ensureLoaded(ref, { signal })),
    );
    return signal === undefined ? held : leaseUnlessAborted(held, signal);
  }

  /**
   * Keeps `ref` for those who name none, warmed up; where it does not fit, the first of `instead` that does.
   *
   * @throws SottoError: then nothing has changed. CANCELLED as soon as `signal` is aborted
   */
  async keep(ref: ModelRef, fallbacks: readonly ModelRef[], signal: AbortSignal): Promise<EngineModel> {
    let refused: SottoError | undefined;
    for (const candidate of [ref, ...fallbacks]) {
      try {
        const pinned = this.#queue.add('background', () => this.#keep(candidate, { ref, refused }, signal));
        return await abortable(pinned, signal);
      } catch (thrown) {
        const error = engineError(thrown);
        if (error.code !== 'INSUFFICIENT_MEMORY') throw error;
        refused ??= error;
      }
    }
    throw refused ?? new SottoError('INTERNAL', 'no model was asked for');
  }

  /** Frees what nobody works with now, the rest as soon as it is let go of. */
  unload(): void {
    this.#displaced = undefined;
    for (const loaded of [...this.#loadedModels.values()]) {
      loaded.evictWhenIdle = true;
      if (loaded.holders === 0) this.#evict(loaded);
    }
  }

  status(): EngineModel[] {
    const all = [...this.#loadedModels.values()].map((loaded) =>
      loaded.status(loaded.ref.dir === this.#pinnedDir),
    );
    return this.#loading === undefined ? all : [...all, this.#loading.status];
  }

  /** Frees all models, and whichever is still on its way. */
  close(): void {
    this.#closed.abort();
    this.#unloadTimer?.cancel();
    for (const loaded of this.#loadedModels.values()) {
      loaded.evictTimer?.cancel();
      loaded.model.dispose();
    }
    this.#loadedModels.clear();
    // Who waits for room sees that there is none to come.
    for (const resolve of this.#memoryWaiters.splice(0)) resolve();
  }

  async #keep(
    candidate: ModelRef,
    wanted: { ref: ModelRef; refused: SottoError | undefined },
    signal: AbortSignal,
  ): Promise<EngineModel> {
    const loaded = await this.#ensureLoaded(candidate, { signal, isPinned: true });
    if (signal.aborted) this.#free(loaded);
    throwIfAborted(signal);
    const before = this.#pinnedDir === undefined ? undefined : this.#loadedModels.get(this.#pinnedDir);
    this.#pinnedDir = candidate.dir;
    this.#displaced = undefined;
    loaded.evictWhenIdle = false;
    if (before !== undefined && before !== loaded) {
      before.evictWhenIdle = true;
      if (before.holders === 0) this.#evict(before);
    }
    this.#notify();
    const { ref, refused } = wanted;
    const fallbackFor = refused && { name: ref.name, error: refused.toWire() };
    return { ...loaded.status(true), ...defined({ fallbackFor }) };
  }

  #held(loaded: LoadedModel): ModelLease {
    this.#unloadTimer?.cancel();
    this.#unloadTimer = undefined;
    return loaded.hold(() => this.#free(loaded));
  }

  /** Nobody works with it any more. */
  #free(loaded: LoadedModel): void {
    if (this.#closed.signal.aborted) return;
    if (loaded.holders > 0) return;
    for (const resolve of this.#memoryWaiters.splice(0)) resolve();
    if (loaded.evictWhenIdle) this.#evict(loaded);
    else if (loaded.ref.dir !== this.#pinnedDir) {
      loaded.evictTimer?.cancel();
      loaded.evictTimer = this.#deps.clock.after(IDLE_EVICTION_MS, () => this.#evict(loaded));
    }
    this.#rest();
  }

  #evict(loaded: LoadedModel): void {
    loaded.evictTimer?.cancel();
    if (this.#loadedModels.get(loaded.ref.dir) !== loaded) return;
    this.#loadedModels.delete(loaded.ref.dir);
    loaded.model.dispose();
    this.#deps.onFreed();
    this.#notify();
  }

  /** Once nobody works and nothing is on its way: the kept one is back, and the time runs after which all of them go. */
  #rest(): void {
    this.#unloadTimer?.cancel();
    this.#unloadTimer = undefined;
    const { unloadAfterSeconds } = this.#limits;
    const isBusy = !this.#queue.idle || [...this.#loadedModels.values()].some(({ holders }) => holders > 0);
    if (isBusy || this.#closed.signal.aborted) return;
    const displaced = this.#displaced;
    if (displaced !== undefined) {
      // Whoever took its place is done.
      this.#displaced = undefined;
      this.#queue.add('background', () => this.#ensureLoaded(displaced, {})).catch(() => undefined);
      return;
    }
    if (unloadAfterSeconds === undefined || this.#loadedModels.size === 0) return;
    this.#unloadTimer = this.#deps.clock.after(unloadAfterSeconds * 1000, () => this.unload());
  }

  /** Has a model in memory. One at a time: who calls this is in the queue. */
  async #ensureLoaded(
    ref: ModelRef,
    { signal, isPinned = false }: { signal?: AbortSignal | undefined; isPinned?: boolean },
  ): Promise<LoadedModel> {
    throwIfAborted(signal);
    throwIfAborted(this.#closed.signal);
    const loading: LoadingModel = {
      ref,
      isPinned,
      warmUp: new AbortController(),
      status: { name: ref.name, dir: ref.dir, pinned: false, state: 'loading', fraction: 0 },
    };
    this.#loading = loading;
    try {
      const there = this.#loadedModels.get(ref.dir);
      if (there === undefined) return await this.#loadAndWarm(loading, signal);
      if (isPinned && !there.warm) {
        const { release } = this.#held(there);
        await this.#warm(there, loading, signal).finally(release);
      }
      return there;
    } catch (thrown) {
      throw engineError(thrown);
    } finally {
      this.#loading = undefined;
      this.#notify();
    }
  }

  async #loadAndWarm(loading: LoadingModel, signal: AbortSignal | undefined): Promise<LoadedModel> {
    const loaded = await this.#load(loading, signal);
    try {
      throwIfAborted(this.#closed.signal);
      if (loading.isPinned) await this.#warm(loaded, loading, signal);
    } catch (error) {
      loaded.model.dispose();
      throw error;
    }
    this.#loadedModels.set(loading.ref.dir, loaded);
    return loaded;
  }

  async #load(loading: LoadingModel, signal: AbortSignal | undefined): Promise<LoadedModel> {
    const { ref, isPinned } = loading;
    this.#notify();
    const need = await this.#deps.footprint(ref.dir);
    assertFits(ref.name, need, this.#limits);
    await this.#makeRoom(need, signal);
    this.#change(loading, { predictedBytes: totalBytes(need) });
    const startMs = this.#deps.clock.nowMs();
    const model = await this.#deps.load(ref.dir, {
      // A load for somebody who leaves goes on: the next one may want it. One ahead of time ends with its reason.
      ...(isPinned && signal !== undefined && { signal }),
      onProgress: (fraction) => this.#progress(loading, fraction),
    });
    const loadSeconds = (this.#deps.clock.nowMs() - startMs) / 1000;
    return new LoadedModel(ref, model, need, loadSeconds);
  }

  /** The first decodes of a model, at whose end it is ready for anybody. */
  async #warm(loaded: LoadedModel, loading: LoadingModel, signal: AbortSignal | undefined): Promise<void> {
    this.#change(loading, { state: 'warming', fraction: 0, family: loaded.model.family });
    const signals = [loading.warmUp.signal, this.#closed.signal, ...(signal === undefined ? [] : [signal])];
    const { gflops } = await warmUp(loaded.model, AbortSignal.any(signals), (fraction) =>
      this.#progress(loading, fraction),
    );
    if (gflops !== undefined) this.#deps.onMeasured?.(gflops);
    throwIfAborted(signal);
    throwIfAborted(this.#closed.signal);
    loaded.warm = true;
  }

  async #makeRoom(need: Footprint, signal: AbortSignal | undefined): Promise<void> {
    while (!fitsWithOthers(this.#loadedModels.values(), need, this.#limits)) {
      const idle = [...this.#loadedModels.values()].filter(({ holders }) => holders === 0);
      const victim = idle.find(({ ref }) => ref.dir !== this.#pinnedDir) ?? idle[0];
      if (victim === undefined) {
        this.#isWaitingForMemory = true;
        const room = new Promise<void>((resolve) => this.#memoryWaiters.push(resolve));
        await abortable(room, signal).finally(() => (this.#isWaitingForMemory = false));
        throwIfAborted(this.#closed.signal);
        continue;
      }
      if (victim.ref.dir === this.#pinnedDir) this.#displaced = victim.ref;
      this.#evict(victim);
    }
  }

  #progress(loading: LoadingModel, fraction: number): void {
    const { fraction: before = 0 } = loading.status;
    if (fraction >= before + PROGRESS_STEP) this.#change(loading, { fraction });
  }

  #change(loading: LoadingModel, change: Partial<EngineModel>): void {
    loading.status = { ...loading.status, ...change };
    this.#notify();
  }

  #notify(): void {
    if (!this.#closed.signal.aborted) this.#deps.onChange(this.status());
  }
}

function throwIfAborted(signal: AbortSignal | undefined): void {
  if (signal?.aborted === true) throw new SottoError('CANCELLED', 'cancelled');
}

/** A model that comes when nobody waits for it any more is let go of. */
async function leaseUnlessAborted(held: Promise<ModelLease>, signal: AbortSignal): Promise<ModelLease> {
  try {
    return await abortable(held, signal);
  } catch (error) {
    held.then(
      ({ release }) => release(),
      () => undefined,
    );
    throw error;
  }
}

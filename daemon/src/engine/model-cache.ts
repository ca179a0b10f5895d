/**
 * The models in memory: the pinned default model, the chosen ones of other tasks, and temporary ones. A new model is loaded beside the others if
 * memory allows; otherwise unused models are evicted, and used ones are waited for.
 */
import type { Clock, Timer } from '#daemon/clock.js';
import { abortable, throwIfCancelled } from '../async.js';
import type { Footprint, LoadOptions, SpeechModel } from '#daemon/models/speech-model.js';
import { SottoError } from '#daemon/protocol/errors.js';
import type { EngineModel, ModelLimits, ModelRef } from '#daemon/protocol/ipc.js';
import { engineError } from './engine-errors.js';
import { LoadQueue } from './load-queue.js';
import { fitsWithOthers, assertFits, sumOf, totalBytes } from './memory-budget.js';
import { LoadedModel, type ModelLease } from './loaded-model.js';
import { warmUp } from './warm-up-model.js';
import { defined } from '#daemon/protocol/defined.js';

export type LoadModel = (dir: string, options: LoadOptions) => Promise<SpeechModel>;

interface ModelCacheDeps {
  readonly load: LoadModel;
  /** Memory that a model will need, from its files. */
  readonly footprint: (dir: string) => Promise<Footprint>;
  readonly clock: Clock;
  /** Called with all models after each change. */
  readonly onChange: (models: readonly EngineModel[]) => void;
  /** A model was freed: the device's cached memory can go as well. */
  readonly onFreed: () => void;
  /** Speed of the machine at a model's window: 10⁹ floating-point operations a second. */
  readonly onMeasured?: (gflops: number) => void;
}

/** An unused temporary model stays this long, since the next file or dictation may need it. */
const IDLE_EVICTION_MS = 60_000;
/** Progress is reported in steps of this size. */
const PROGRESS_STEP = 0.05;

interface HoldOptions {
  readonly signal?: AbortSignal | undefined;
  /** A model that the same work needs. */
  readonly other?: ModelRef | undefined;
}

interface LoadingModel {
  readonly ref: ModelRef;
  /** Whether it is loaded to be pinned, and then warmed up. */
  readonly isPinned: boolean;
  /** The model that the same work needs. */
  readonly other: ModelRef | undefined;
  /** Ends only the warm-up. */
  readonly warmUp: AbortController;
  status: EngineModel;
}

export class ModelCache {
  readonly #deps: ModelCacheDeps;
  readonly #queue = new LoadQueue(() => this.#onIdle());
  /** By directory. */
  readonly #loadedModels = new Map<string, LoadedModel>();
  #limits: ModelLimits = {};
  #loading: LoadingModel | undefined;
  #pinnedDir: string | undefined;
  /** Directories of the chosen models of other tasks. */
  #keptDirs: ReadonlySet<string> = new Set();
  /** The pinned model while it is evicted for a temporary one. */
  #displaced: ModelRef | undefined;
  #memoryWaiters: (() => void)[] = [];
  #isWaitingForMemory = false;
  readonly #closed = new AbortController();
  #unloadTimer: Timer | undefined;

  constructor(deps: ModelCacheDeps) {
    this.#deps = deps;
  }

  /** Whether a model waits until others in use free their memory. */
  get isWaitingForMemory(): boolean {
    return this.#isWaitingForMemory;
  }

  setLimits(limits: ModelLimits): void {
    this.#limits = limits;
    this.#onIdle();
  }

  /**
   * Leases the model `ref`, which stays in memory until released; at once if it is loaded.
   *
   * @throws SottoError for a model that can't be loaded; CANCELLED as soon as `signal` is aborted. A load under way
   *   continues then: the next request may need it
   */
  hold(ref: ModelRef, signal?: AbortSignal): Promise<ModelLease> {
    return this.#hold(ref, defined({ signal }));
  }

  /**
   * The same for work that needs `other`, too: it must not wait for its own memory.
   *
   * @throws SottoError INSUFFICIENT_MEMORY if the two don't fit together
   */
  holdWith(ref: ModelRef, other: ModelRef, signal?: AbortSignal): Promise<ModelLease> {
    return this.#hold(ref, { other, ...defined({ signal }) });
  }

  #hold(ref: ModelRef, { signal, other }: HoldOptions): Promise<ModelLease> {
    const there = this.#loadedModels.get(ref.dir);
    if (there !== undefined) return Promise.resolve(this.#lease(there));
    // A request waits now, and its own work warms the model up as well.
    this.#loading?.warmUp.abort();
    const held = this.#queue.add('requested', async () =>
      this.#lease(await this.#ensureLoaded(ref, { signal, other })),
    );
    return signal === undefined ? held : leaseUnlessAborted(held, signal);
  }

  /**
   * Pins `ref` as the default model and warms it up; if it does not fit, the first of `fallbacks` that does.
   *
   * @throws SottoError nothing has changed then. CANCELLED as soon as `signal` is aborted
   */
  async pin(ref: ModelRef, fallbacks: readonly ModelRef[], signal: AbortSignal): Promise<EngineModel> {
    let refused: SottoError | undefined;
    for (const candidate of [ref, ...fallbacks]) {
      try {
        const pinned = this.#queue.add('background', () => this.#pin(candidate, { ref, refused }, signal));
        return await abortable(pinned, signal);
      } catch (thrown) {
        const error = engineError(thrown);
        if (error.code !== 'INSUFFICIENT_MEMORY') throw error;
        refused ??= error;
      }
    }
    throw refused ?? new SottoError('INTERNAL', 'no model was requested');
  }

  /**
   * Loads a model and warms it up, without a lease.
   *
   * @throws SottoError as `pin`; INSUFFICIENT_MEMORY if it does not fit together with `other`
   */
  load(ref: ModelRef, signal: AbortSignal, other?: ModelRef): Promise<EngineModel> {
    const loaded = this.#queue.add('background', async () => {
      const model = await this.#ensureLoaded(ref, { signal, other, isPinned: true });
      this.#onReleased(model);
      return model.status(false);
    });
    return abortable(loaded, signal);
  }

  /** Models of these directories stay once they are loaded. */
  keep(dirs: Iterable<string>): void {
    this.#keptDirs = new Set(dirs);
    for (const loaded of this.#loadedModels.values()) {
      if (loaded.holders > 0) continue;
      loaded.evictTimer?.cancel();
      this.#onReleased(loaded);
    }
  }

  /** Frees the unused models now, the others once they are released. */
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

  /** Frees all models, including one that is loading. */
  close(): void {
    this.#closed.abort();
    this.#unloadTimer?.cancel();
    for (const loaded of this.#loadedModels.values()) {
      loaded.evictTimer?.cancel();
      loaded.model.dispose();
    }
    this.#loadedModels.clear();
    // Loads that wait for memory see that the cache is closed.
    for (const resolve of this.#memoryWaiters.splice(0)) resolve();
  }

  async #pin(
    candidate: ModelRef,
    wanted: { ref: ModelRef; refused: SottoError | undefined },
    signal: AbortSignal,
  ): Promise<EngineModel> {
    const loaded = await this.#ensureLoaded(candidate, { signal, isPinned: true });
    if (signal.aborted) this.#onReleased(loaded);
    throwIfCancelled(signal);
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

  #isKept({ ref }: LoadedModel): boolean {
    return ref.dir === this.#pinnedDir || this.#keptDirs.has(ref.dir);
  }

  #lease(loaded: LoadedModel): ModelLease {
    this.#unloadTimer?.cancel();
    this.#unloadTimer = undefined;
    return loaded.hold(() => this.#onReleased(loaded));
  }

  /** The last holder released a model. */
  #onReleased(loaded: LoadedModel): void {
    if (this.#closed.signal.aborted) return;
    if (loaded.holders > 0) return;
    for (const resolve of this.#memoryWaiters.splice(0)) resolve();
    if (loaded.evictWhenIdle) this.#evict(loaded);
    else if (!this.#isKept(loaded)) {
      loaded.evictTimer?.cancel();
      loaded.evictTimer = this.#deps.clock.after(IDLE_EVICTION_MS, () => this.#evict(loaded));
    }
    this.#onIdle();
  }

  #evict(loaded: LoadedModel): void {
    loaded.evictTimer?.cancel();
    if (this.#loadedModels.get(loaded.ref.dir) !== loaded) return;
    this.#loadedModels.delete(loaded.ref.dir);
    loaded.model.dispose();
    this.#deps.onFreed();
    this.#notify();
  }

  /** Once nothing is in use or loading: reloads the pinned model if it was evicted, or starts the unload timer. */
  #onIdle(): void {
    this.#unloadTimer?.cancel();
    this.#unloadTimer = undefined;
    const { unloadAfterSeconds } = this.#limits;
    const isBusy = !this.#queue.isIdle || [...this.#loadedModels.values()].some(({ holders }) => holders > 0);
    if (isBusy || this.#closed.signal.aborted) return;
    const displaced = this.#displaced;
    if (displaced !== undefined) {
      // The temporary model that displaced it is unused now.
      this.#displaced = undefined;
      this.#queue.add('background', () => this.#ensureLoaded(displaced, {})).catch(() => undefined);
      return;
    }
    if (unloadAfterSeconds === undefined || this.#loadedModels.size === 0) return;
    this.#unloadTimer = this.#deps.clock.after(unloadAfterSeconds * 1000, () => this.unload());
  }

  /** Loads a model unless it is in memory. Called from the queue only, so one at a time. */
  async #ensureLoaded(
    ref: ModelRef,
    { signal, other, isPinned = false }: HoldOptions & { isPinned?: boolean },
  ): Promise<LoadedModel> {
    throwIfCancelled(signal);
    throwIfCancelled(this.#closed.signal);
    const loading: LoadingModel = {
      ref,
      isPinned,
      other,
      warmUp: new AbortController(),
      status: { name: ref.name, dir: ref.dir, pinned: false, state: 'loading', fraction: 0 },
    };
    this.#loading = loading;
    try {
      const there = this.#loadedModels.get(ref.dir);
      if (there === undefined) return await this.#loadAndWarm(loading, signal);
      if (isPinned && !there.warm) {
        const { release } = this.#lease(there);
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
      throwIfCancelled(this.#closed.signal);
      if (loading.isPinned) await this.#warm(loaded, loading, signal);
    } catch (error) {
      loaded.model.dispose();
      throw error;
    }
    this.#loadedModels.set(loading.ref.dir, loaded);
    return loaded;
  }

  async #load(loading: LoadingModel, signal: AbortSignal | undefined): Promise<LoadedModel> {
    const { ref, isPinned, other } = loading;
    this.#notify();
    const { footprint } = this.#deps;
    const need = await footprint(ref.dir);
    if (other === undefined) assertFits(ref.name, need, this.#limits);
    else {
      const otherNeed = this.#loadedModels.get(other.dir)?.need ?? (await footprint(other.dir));
      assertFits(`${ref.name} with ${other.name}`, sumOf(need, otherNeed), this.#limits);
    }
    await this.#makeRoom(need, signal);
    this.#change(loading, { predictedBytes: totalBytes(need) });
    const startMs = this.#deps.clock.nowMs();
    const model = await this.#deps.load(ref.dir, {
      // A load for a request continues after its cancellation: the next request may need it. A background load ends
      // with its reason.
      ...(isPinned && signal !== undefined && { signal }),
      onProgress: (fraction) => this.#progress(loading, fraction),
    });
    const loadSeconds = (this.#deps.clock.nowMs() - startMs) / 1000;
    return new LoadedModel(ref, model, need, loadSeconds);
  }

  /** Runs the first decodes of a model, which then is ready for any request. */
  async #warm(loaded: LoadedModel, loading: LoadingModel, signal: AbortSignal | undefined): Promise<void> {
    this.#change(loading, { state: 'warming', fraction: 0, family: loaded.model.family });
    const signals = [loading.warmUp.signal, this.#closed.signal, ...(signal === undefined ? [] : [signal])];
    const { gflops } = await warmUp(loaded.model, AbortSignal.any(signals), (fraction) =>
      this.#progress(loading, fraction),
    );
    if (gflops !== undefined) this.#deps.onMeasured?.(gflops);
    throwIfCancelled(signal);
    throwIfCancelled(this.#closed.signal);
    loaded.warm = true;
  }

  async #makeRoom(need: Footprint, signal: AbortSignal | undefined): Promise<void> {
    while (!fitsWithOthers(this.#loadedModels.values(), need, this.#limits)) {
      const idle = [...this.#loadedModels.values()].filter(({ holders }) => holders === 0);
      const victim =
        idle.find((one) => !this.#isKept(one)) ??
        idle.find(({ ref }) => ref.dir !== this.#pinnedDir) ??
        idle[0];
      if (victim === undefined) {
        this.#isWaitingForMemory = true;
        const room = new Promise<void>((resolve) => this.#memoryWaiters.push(resolve));
        await abortable(room, signal).finally(() => (this.#isWaitingForMemory = false));
        throwIfCancelled(this.#closed.signal);
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

/** Releases the model if its waiter was aborted. */
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

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
import { fitsBeside, mustFitAlone, totalBytes } from './memory-room.js';
import { Resident, type HeldModel } from './resident.js';
import { warmUp } from './warm-up.js';
import { defined } from '#daemon/protocol/defined.js';

export type LoadModel = (dir: string, options: LoadOptions) => Promise<SpeechModel>;

export interface ResidentModelsParts {
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
const GUEST_MS = 60_000;
/** Progress is told in steps of this size. */
const STEP = 0.05;

interface Coming {
  readonly ref: ModelRef;
  /** Whether it comes ahead of time, to be kept: then it is warmed up. */
  readonly isKept: boolean;
  /** Ends the first decode, nothing else. */
  readonly warmUp: AbortController;
  status: EngineModel;
}

export class ResidentModels {
  readonly #parts: ResidentModelsParts;
  readonly #queue = new LoadQueue(() => this.#rest());
  /** By folder. */
  readonly #residents = new Map<string, Resident>();
  #limits: ModelLimits = {};
  #coming: Coming | undefined;
  #keptDir: string | undefined;
  /** The kept one, while it is away to make room for a guest. */
  #displaced: ModelRef | undefined;
  #letGo: (() => void)[] = [];
  #waitsForRoom = false;
  readonly #closed = new AbortController();
  #calmIdle: Timer | undefined;

  constructor(parts: ResidentModelsParts) {
    this.#parts = parts;
  }

  /** Whether a model waits until others that are in use leave it the memory. */
  get waitsForRoom(): boolean {
    return this.#waitsForRoom;
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
  hold(ref: ModelRef, signal?: AbortSignal): Promise<HeldModel> {
    const there = this.#residents.get(ref.dir);
    if (there !== undefined) return Promise.resolve(this.#held(there));
    // Somebody waits now: the real work warms it up as well.
    this.#coming?.warmUp.abort();
    const held = this.#queue.add('waited for', async () => this.#held(await this.#bring(ref, { signal })));
    return signal === undefined ? held : unlessAborted(held, signal);
  }

  /**
   * Keeps `ref` for those who name none, warmed up; where it does not fit, the first of `instead` that does.
   *
   * @throws SottoError: then nothing has changed. CANCELLED as soon as `signal` is aborted
   */
  async keep(ref: ModelRef, instead: readonly ModelRef[], signal: AbortSignal): Promise<EngineModel> {
    let refused: SottoError | undefined;
    for (const candidate of [ref, ...instead]) {
      try {
        const kept = this.#queue.add('ahead', () => this.#keep(candidate, { ref, refused }, signal));
        return await abortable(kept, signal);
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
    for (const resident of [...this.#residents.values()]) {
      resident.goes = true;
      if (resident.holders === 0) this.#evict(resident);
    }
  }

  status(): EngineModel[] {
    const all = [...this.#residents.values()].map((resident) =>
      resident.status(resident.ref.dir === this.#keptDir),
    );
    return this.#coming === undefined ? all : [...all, this.#coming.status];
  }

  /** Frees all models, and whichever is still on its way. */
  close(): void {
    this.#closed.abort();
    this.#calmIdle?.cancel();
    for (const resident of this.#residents.values()) {
      resident.calm?.cancel();
      resident.model.dispose();
    }
    this.#residents.clear();
    // Who waits for room sees that there is none to come.
    for (const resolve of this.#letGo.splice(0)) resolve();
  }

  async #keep(
    candidate: ModelRef,
    wanted: { ref: ModelRef; refused: SottoError | undefined },
    signal: AbortSignal,
  ): Promise<EngineModel> {
    const resident = await this.#bring(candidate, { signal, isKept: true });
    if (signal.aborted) this.#free(resident);
    throwIfAborted(signal);
    const before = this.#keptDir === undefined ? undefined : this.#residents.get(this.#keptDir);
    this.#keptDir = candidate.dir;
    this.#displaced = undefined;
    resident.goes = false;
    if (before !== undefined && before !== resident) {
      before.goes = true;
      if (before.holders === 0) this.#evict(before);
    }
    this.#tell();
    const { ref, refused } = wanted;
    const insteadOf = refused && { name: ref.name, error: refused.toWire() };
    return { ...resident.status(true), ...defined({ insteadOf }) };
  }

  #held(resident: Resident): HeldModel {
    this.#calmIdle?.cancel();
    this.#calmIdle = undefined;
    return resident.hold(() => this.#free(resident));
  }

  /** Nobody works with it any more. */
  #free(resident: Resident): void {
    if (this.#closed.signal.aborted) return;
    if (resident.holders > 0) return;
    for (const resolve of this.#letGo.splice(0)) resolve();
    if (resident.goes) this.#evict(resident);
    else if (resident.ref.dir !== this.#keptDir) {
      resident.calm?.cancel();
      resident.calm = this.#parts.clock.after(GUEST_MS, () => this.#evict(resident));
    }
    this.#rest();
  }

  #evict(resident: Resident): void {
    resident.calm?.cancel();
    if (this.#residents.get(resident.ref.dir) !== resident) return;
    this.#residents.delete(resident.ref.dir);
    resident.model.dispose();
    this.#parts.onFreed();
    this.#tell();
  }

  /** Once nobody works and nothing is on its way: the kept one is back, and the time runs after which all of them go. */
  #rest(): void {
    this.#calmIdle?.cancel();
    this.#calmIdle = undefined;
    const { unloadAfterSeconds } = this.#limits;
    const isBusy = !this.#queue.idle || [...this.#residents.values()].some(({ holders }) => holders > 0);
    if (isBusy || this.#closed.signal.aborted) return;
    const displaced = this.#displaced;
    if (displaced !== undefined) {
      // Whoever took its place is done.
      this.#displaced = undefined;
      this.#queue.add('ahead', () => this.#bring(displaced, {})).catch(() => undefined);
      return;
    }
    if (unloadAfterSeconds === undefined || this.#residents.size === 0) return;
    this.#calmIdle = this.#parts.clock.after(unloadAfterSeconds * 1000, () => this.unload());
  }

  /** Has a model in memory. One at a time: who calls this is in the queue. */
  async #bring(
    ref: ModelRef,
    { signal, isKept = false }: { signal?: AbortSignal | undefined; isKept?: boolean },
  ): Promise<Resident> {
    throwIfAborted(signal);
    throwIfAborted(this.#closed.signal);
    const coming: Coming = {
      ref,
      isKept,
      warmUp: new AbortController(),
      status: { name: ref.name, dir: ref.dir, kept: false, state: 'loading', fraction: 0 },
    };
    this.#coming = coming;
    try {
      const there = this.#residents.get(ref.dir);
      if (there === undefined) return await this.#loadAndWarm(coming, signal);
      if (isKept && !there.warm) {
        const { release } = this.#held(there);
        await this.#warm(there, coming, signal).finally(release);
      }
      return there;
    } catch (thrown) {
      throw engineError(thrown);
    } finally {
      this.#coming = undefined;
      this.#tell();
    }
  }

  async #loadAndWarm(coming: Coming, signal: AbortSignal | undefined): Promise<Resident> {
    const resident = await this.#load(coming, signal);
    try {
      throwIfAborted(this.#closed.signal);
      if (coming.isKept) await this.#warm(resident, coming, signal);
    } catch (error) {
      resident.model.dispose();
      throw error;
    }
    this.#residents.set(coming.ref.dir, resident);
    return resident;
  }

  async #load(coming: Coming, signal: AbortSignal | undefined): Promise<Resident> {
    const { ref, isKept } = coming;
    this.#tell();
    const need = await this.#parts.footprint(ref.dir);
    mustFitAlone(ref.name, need, this.#limits);
    await this.#makeRoom(need, signal);
    this.#change(coming, { predictedBytes: totalBytes(need) });
    const startMs = this.#parts.clock.nowMs();
    const model = await this.#parts.load(ref.dir, {
      // A load for somebody who leaves goes on: the next one may want it. One ahead of time ends with its reason.
      ...(isKept && signal !== undefined && { signal }),
      onProgress: (fraction) => this.#progress(coming, fraction),
    });
    const loadSeconds = (this.#parts.clock.nowMs() - startMs) / 1000;
    return new Resident(ref, model, need, loadSeconds);
  }

  /** The first decodes of a model, at whose end it is ready for anybody. */
  async #warm(resident: Resident, coming: Coming, signal: AbortSignal | undefined): Promise<void> {
    this.#change(coming, { state: 'warming', fraction: 0, family: resident.model.family });
    const signals = [coming.warmUp.signal, this.#closed.signal, ...(signal === undefined ? [] : [signal])];
    const { gflops } = await warmUp(resident.model, AbortSignal.any(signals), (fraction) =>
      this.#progress(coming, fraction),
    );
    if (gflops !== undefined) this.#parts.onMeasured?.(gflops);
    throwIfAborted(signal);
    throwIfAborted(this.#closed.signal);
    resident.warm = true;
  }

  async #makeRoom(need: Footprint, signal: AbortSignal | undefined): Promise<void> {
    while (!fitsBeside(this.#residents.values(), need, this.#limits)) {
      const idle = [...this.#residents.values()].filter(({ holders }) => holders === 0);
      const victim = idle.find(({ ref }) => ref.dir !== this.#keptDir) ?? idle[0];
      if (victim === undefined) {
        this.#waitsForRoom = true;
        const room = new Promise<void>((resolve) => this.#letGo.push(resolve));
        await abortable(room, signal).finally(() => (this.#waitsForRoom = false));
        throwIfAborted(this.#closed.signal);
        continue;
      }
      if (victim.ref.dir === this.#keptDir) this.#displaced = victim.ref;
      this.#evict(victim);
    }
  }

  #progress(coming: Coming, fraction: number): void {
    const { fraction: before = 0 } = coming.status;
    if (fraction >= before + STEP) this.#change(coming, { fraction });
  }

  #change(coming: Coming, change: Partial<EngineModel>): void {
    coming.status = { ...coming.status, ...change };
    this.#tell();
  }

  #tell(): void {
    if (!this.#closed.signal.aborted) this.#parts.onChange(this.status());
  }
}

function throwIfAborted(signal: AbortSignal | undefined): void {
  if (signal?.aborted === true) throw new SottoError('CANCELLED', 'cancelled');
}

/** A model that comes when nobody waits for it any more is let go of. */
async function unlessAborted(held: Promise<HeldModel>, signal: AbortSignal): Promise<HeldModel> {
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

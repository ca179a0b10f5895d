/**
 * Which models the engine process holds: the one that serves those who name none, kept over every death of an engine, and
 * what is on its way to take its place. Knows messages, not processes.
 */
import type { Logger } from '../logger.js';
import { SottoError } from '../protocol/errors.js';
import type { EngineModel, FromEngine, ModelLimits, ModelRef, ToEngine } from '../protocol/ipc.js';
import type { ModelStatus } from '../protocol/status.js';
import type { UseOptions } from './engine.js';

/** The model to have warm before anybody asks. */
export interface WarmPlan {
  readonly model: ModelRef;
  /** Smaller ones, from the best down, where it does not fit into memory. */
  readonly instead?: readonly ModelRef[];
  /** A small one that is there sooner, and serves until then. */
  readonly standIn?: ModelRef;
}

export interface ModelCareOptions {
  readonly send: (message: ToEngine) => void;
  readonly log: Logger;
  readonly plan?: WarmPlan;
  readonly limits?: ModelLimits;
}

type OfModels = Extract<FromEngine, { type: 'models' | 'loaded' | 'load-failed' }>;

interface Use {
  readonly model: ModelRef;
  readonly instead: readonly ModelRef[];
  /** Undefined where nobody waits for the answer: the plan's own. */
  readonly caller?: { resolve: (model: ModelStatus) => void; reject: (error: SottoError) => void };
}

export class ModelCare {
  readonly #options: ModelCareOptions;
  readonly #listeners = new Set<(models: readonly ModelStatus[]) => void>();
  readonly #uses = new Map<number, Use>();
  #next = 1;
  #ready = false;
  /** What the process holds. */
  #models: readonly EngineModel[] = [];
  /** The one that serves those who name none. */
  #serving: ModelRef | undefined;
  /** What is to take its place at the start. */
  #planned: ModelRef | undefined;
  /** Why the planned one does not serve. */
  #refused: { name: string; error: SottoError } | undefined;

  constructor(options: ModelCareOptions) {
    this.#options = options;
    this.#planned = options.plan?.model;
  }

  /** The model for speech that goes on now: nobody waits for a better one. */
  get serving(): ModelRef | undefined {
    return this.#serving ?? this.#planned;
  }

  /** The model for work that may wait for the one that was chosen. */
  get chosen(): ModelRef | undefined {
    return this.#planned ?? this.#serving;
  }

  /** Name of the model that should serve, where another one does: it is on its way, or can't be had. */
  get insteadOf(): string | undefined {
    if (this.#serving === undefined) return undefined;
    return this.#planned === undefined ? this.#refused?.name : this.#planned.name;
  }

  /** Whether the engine is loading, which may block it. */
  get loading(): boolean {
    return this.#models.some(({ state }) => state === 'loading' || state === 'warming');
  }

  /** A process is ready to serve. @param wanted folder of a model that somebody waits for: it is loaded first, and soon */
  ready(wanted?: string): void {
    const { plan, limits, send } = this.#options;
    this.#ready = true;
    if (limits !== undefined) send({ type: 'limits', ...limits });
    if (this.#serving !== undefined) this.#load({ model: this.#serving, instead: [] });
    else if (plan?.standIn !== undefined && ![plan.standIn.dir, wanted].includes(plan.model.dir)) {
      this.#load({ model: plan.standIn, instead: [] });
    }
    if (this.#planned !== undefined) this.#load({ model: this.#planned, instead: plan?.instead ?? [] });
  }

  receive(message: OfModels): void {
    switch (message.type) {
      case 'models':
        this.#log(message.models);
        this.#models = message.models;
        this.#tell();
        return;
      case 'loaded':
        this.#loaded(message.use, message.model);
        return;
      case 'load-failed':
        this.#failed(message.use, SottoError.fromWire(message.error));
        return;
    }
  }

  /** The process is gone, and with it what it held. */
  lost(why: string): void {
    this.#ready = false;
    this.#models = [];
    for (const [use, { model, caller }] of [...this.#uses]) {
      this.#uses.delete(use);
      caller?.reject(
        new SottoError('MODEL_LOAD_FAILED', `the engine was lost while it loaded ${model.name}: it ${why}`),
      );
    }
    this.#tell();
  }

  use(model: ModelRef, { instead = [], signal }: UseOptions = {}): Promise<ModelStatus> {
    if (!this.#ready) {
      return Promise.reject(
        new SottoError('MODEL_NOT_READY', 'the engine is not up: no model can be loaded now', {
          hint: 'see `sotto daemon status`, and try again in a moment',
        }),
      );
    }
    if (signal?.aborted === true) return Promise.reject(new SottoError('CANCELLED', 'cancelled'));
    let use = 0;
    const cancel = (): void => this.#options.send({ type: 'load-cancel', use });
    const answer = new Promise<ModelStatus>((resolve, reject) => {
      use = this.#load({ model, instead, caller: { resolve, reject } });
    });
    signal?.addEventListener('abort', cancel, { once: true });
    return answer.finally(() => signal?.removeEventListener('abort', cancel));
  }

  unload(): void {
    if (this.#ready) this.#options.send({ type: 'unload' });
  }

  watch(listener: (models: readonly ModelStatus[]) => void): () => void {
    this.#listeners.add(listener);
    listener(this.status().models);
    return () => void this.#listeners.delete(listener);
  }

  status(): { model: ModelStatus; models: ModelStatus[] } {
    return { model: this.#servingStatus(), models: this.#models.map(statusOf) };
  }

  #servingStatus(): ModelStatus {
    const serving = this.serving;
    if (serving === undefined) return { state: 'absent' };
    const there = this.#models.find(({ dir }) => dir === serving.dir);
    const refused = this.#refused;
    if (there !== undefined) {
      const insteadOf = there.insteadOf ?? (refused && { name: refused.name, error: refused.error.toWire() });
      return { ...statusOf(there), ...(insteadOf !== undefined && { insteadOf }) };
    }
    if (this.#serving === undefined && refused !== undefined) {
      return { name: serving.name, state: 'failed', error: refused.error.toWire() };
    }
    // Asked for, and not told of yet: until then nobody is warm.
    const isAsked = [...this.#uses.values()].some(({ model }) => model.dir === serving.dir);
    return { name: serving.name, state: isAsked ? 'loading' : 'installed' };
  }

  #load(request: Use): number {
    const use = this.#next++;
    this.#uses.set(use, request);
    const { model, instead } = request;
    this.#options.send({ type: 'load', use, model, instead: [...instead] });
    return use;
  }

  #loaded(use: number, model: EngineModel): void {
    const request = this.#uses.get(use);
    this.#uses.delete(use);
    if (request === undefined) return;
    const isPlanned = request.model.dir === this.#planned?.dir;
    // Somebody chose another one meanwhile, or what was planned is here.
    if (isPlanned || request.caller !== undefined) {
      this.#planned = undefined;
      const { insteadOf } = model;
      this.#refused = insteadOf && { name: insteadOf.name, error: SottoError.fromWire(insteadOf.error) };
    }
    this.#serving = { name: model.name, dir: model.dir };
    this.#options.log.info({ name: model.name }, 'model serves those who name none');
    request.caller?.resolve(statusOf(model));
    this.#tell();
  }

  #failed(use: number, error: SottoError): void {
    const request = this.#uses.get(use);
    this.#uses.delete(use);
    if (request === undefined) return;
    const { model, caller } = request;
    const { code, message } = error;
    this.#options.log.error({ model: model.name, code, message }, 'model not loaded');
    if (caller === undefined) {
      this.#refused = { name: model.name, error };
      // Who waits for it has to hear why; who does not is served by the one that stands in.
      if (this.#serving !== undefined && model.dir === this.#planned?.dir) this.#planned = undefined;
    }
    caller?.reject(error);
    this.#tell();
  }

  /** What was on its way has moved on. */
  #log(now: readonly EngineModel[]): void {
    for (const model of now) {
      const before = this.#models.find(({ dir }) => dir === model.dir);
      if (before?.state !== model.state) this.#options.log.info({ ...statusOf(model) }, 'model');
    }
  }

  #tell(): void {
    const { models } = this.status();
    for (const listener of this.#listeners) listener(models);
  }
}

function statusOf({ dir: _dir, kept: _kept, ...status }: EngineModel): ModelStatus {
  return status;
}

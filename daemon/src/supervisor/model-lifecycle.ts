/**
 * The models of the engine process: the default model, kept across restarts of the engine, and the one that is
 * loading to replace it. Knows messages, not processes.
 */
import type { Logger } from '../logger.js';
import { SottoError } from '../protocol/errors.js';
import type { EngineModel, FromEngine, ModelLimits, ModelRef, ToEngine } from '../protocol/ipc.js';
import type { ModelStatus } from '../protocol/status.js';
import type { ModelEngine, UseOptions } from './engine.js';
import type { ModelAccess } from './model-access.js';
import { defined } from '../protocol/defined.js';

/** The model to load at the start. */
export interface WarmPlan {
  readonly model: ModelRef;
  /** Smaller models, the best one first, if it does not fit into memory. */
  readonly fallbacks?: readonly ModelRef[];
  /** A small model that loads faster, and serves until then. */
  readonly standIn?: ModelRef;
}

interface ModelLifecycleOptions {
  /** Called before a model is used, which may start a process. @throws SottoError if none will start */
  readonly beforeUse?: () => void;
  readonly send: (message: ToEngine) => void;
  readonly log: Logger;
  readonly plan?: WarmPlan;
  readonly limits?: ModelLimits;
  /** Checks which model directories can be opened; if omitted, all count as readable. */
  readonly access?: ModelAccess;
}

type OfModels = Extract<FromEngine, { type: 'models' | 'loaded' | 'load-failed' }>;

interface LoadRequest {
  readonly model: ModelRef;
  readonly fallbacks: readonly ModelRef[];
  /** Whether it becomes the default model. */
  readonly isDefault: boolean;
  /** A model that must fit together with it. */
  readonly alongside?: ModelRef;
  /** Whether it was sent to the current process. */
  sent: boolean;
  /** Whether its directory is being checked. */
  checking: boolean;
  /** Undefined for the plan's own requests. */
  readonly caller?: { resolve: (model: ModelStatus) => void; reject: (error: SottoError) => void };
}

export class ModelLifecycle implements ModelEngine {
  readonly #options: ModelLifecycleOptions;
  readonly #listeners = new Set<(models: readonly ModelStatus[]) => void>();
  readonly #loadRequests = new Map<number, LoadRequest>();
  #next = 1;
  #ready = false;
  /** The models in the process. */
  #models: readonly EngineModel[] = [];
  /** The default model. */
  #serving: ModelRef | undefined;
  /** The model that replaces it at the start. */
  #planned: ModelRef | undefined;
  /** Why the planned model does not serve. Callers that chose another one received their error themselves. */
  #refused: { name: string; error: SottoError } | undefined;
  #kept: readonly ModelRef[] = [];
  /** One of them that each process loads. */
  #preloaded: ModelRef | undefined;
  /** Whether the process keeps any. */
  #hasSentKept = false;

  constructor(options: ModelLifecycleOptions) {
    this.#options = options;
    this.#planned = options.plan?.model;
  }

  /** The default model that can serve live speech now. */
  get serving(): ModelRef | undefined {
    return this.#successor() ?? this.#serving ?? this.#planned;
  }

  /** The default model for work that may wait for it to load. */
  get chosen(): ModelRef | undefined {
    return this.#planned ?? this.#serving;
  }

  /** Name of the intended default model while another one serves: it is still loading, or failed. */
  get fallbackFor(): string | undefined {
    if (this.#serving === undefined) return undefined;
    return this.#planned === undefined ? this.#refused?.name : this.#planned.name;
  }

  /** Whether the engine is loading, which may block it. */
  get isLoading(): boolean {
    return this.#models.some(({ state }) => state === 'loading' || state === 'warming');
  }

  /**
   * Loads the models into a process that became ready. @param wanted directory of a model that a job waits for and
   * that is loaded first anyway
   */
  ready(wanted?: string): void {
    const { plan, limits, send } = this.#options;
    this.#ready = true;
    if (limits !== undefined) send({ type: 'limits', ...limits });
    this.#sendKept();
    const requested = [...this.#loadRequests];
    if (this.#serving !== undefined) this.#loadDefault(this.#serving);
    else if (plan?.standIn !== undefined && ![plan.standIn.dir, wanted].includes(plan.model.dir)) {
      this.#loadDefault(plan.standIn);
    }
    for (const [requestId, request] of requested) this.#send(requestId, request);
    // A client has chosen another model: the planned one may have crashed the engine.
    if (requested.some(([, { isDefault }]) => isDefault)) this.#planned = undefined;
    if (this.#planned !== undefined) this.#loadDefault(this.#planned, plan?.fallbacks);
    this.#preload();
  }

  receive(message: OfModels): void {
    switch (message.type) {
      case 'models':
        this.#log(message.models);
        this.#models = message.models;
        this.#notify();
        return;
      case 'loaded':
        this.#loaded(message.requestId, message.model);
        return;
      case 'load-failed':
        this.#failed(message.requestId, SottoError.fromWire(message.error));
        return;
    }
  }

  /** The process died, and its models with it. */
  lost(why: string): void {
    this.#ready = false;
    this.#models = [];
    for (const [requestId, { model, caller, sent }] of [...this.#loadRequests]) {
      if (!sent) continue;
      this.#loadRequests.delete(requestId);
      caller?.reject(
        new SottoError('MODEL_LOAD_FAILED', `the engine was lost while loading ${model.name}: it ${why}`),
      );
    }
    this.#notify();
  }

  /** Without a process, the next one loads the model. */
  use(model: ModelRef, { fallbacks = [], signal, isDefault = true }: UseOptions = {}): Promise<ModelStatus> {
    if (signal?.aborted === true) return Promise.reject(new SottoError('CANCELLED', 'cancelled'));
    try {
      this.#options.beforeUse?.();
    } catch (error) {
      return Promise.reject(SottoError.from(error));
    }
    let cancel = (): void => undefined;
    const answer = new Promise<ModelStatus>((resolve, reject) => {
      const requestId = this.#load({ model, fallbacks, isDefault, caller: { resolve, reject } });
      cancel = () => {
        if (this.#loadRequests.get(requestId)?.sent === true)
          this.#options.send({ type: 'load-cancel', requestId });
        else if (this.#loadRequests.delete(requestId)) reject(new SottoError('CANCELLED', 'cancelled'));
      };
    });
    signal?.addEventListener('abort', cancel, { once: true });
    return answer.finally(() => signal?.removeEventListener('abort', cancel));
  }

  /** Fails all requests: no further process will start. */
  failAll(error: SottoError): void {
    for (const [requestId, { caller }] of [...this.#loadRequests]) {
      this.#loadRequests.delete(requestId);
      caller?.reject(error);
    }
  }

  /** Models besides the default one, which stay in memory once they are loaded. */
  keep(models: readonly ModelRef[], preloaded?: ModelRef): void {
    const isNew = preloaded?.dir !== this.#preloaded?.dir;
    this.#kept = models;
    this.#preloaded = preloaded;
    if (!this.#ready) return;
    this.#sendKept();
    if (isNew) this.#preload();
  }

  unload(): void {
    if (!this.#ready) return;
    for (const [requestId, { alongside }] of this.#loadRequests)
      if (alongside !== undefined) this.#options.send({ type: 'load-cancel', requestId });
    this.#options.send({ type: 'unload' });
  }

  watchModels(listener: (models: readonly ModelStatus[]) => void): () => void {
    this.#listeners.add(listener);
    listener(this.status().models);
    return () => void this.#listeners.delete(listener);
  }

  status(): { model: ModelStatus; models: ModelStatus[]; pendingModel?: string } {
    const pendingModel = this.#serving === undefined ? undefined : this.#planned?.name;
    return {
      model: this.#servingStatus(),
      models: this.#models.map((model) => this.#statusOf(model)),
      ...defined({ pendingModel }),
    };
  }

  /**
   * The model that is loading after the default one was evicted for it: requests wait for this one, since the old
   * one would have to be loaded again.
   */
  #successor(): ModelRef | undefined {
    const holds = ({ dir }: ModelRef): boolean => this.#models.some((model) => model.dir === dir);
    if (this.#serving === undefined || holds(this.#serving)) return undefined;
    const requested = [...this.#loadRequests.values()].filter(({ isDefault }) => isDefault);
    return requested.map(({ model }) => model).findLast(holds);
  }

  #servingStatus(): ModelStatus {
    const serving = this.serving;
    if (serving === undefined) return { state: 'absent' };
    const there = this.#models.find(({ dir }) => dir === serving.dir);
    if (there !== undefined) return this.#statusOf(there);
    const refused = this.#refused;
    if (this.#serving === undefined && refused !== undefined) {
      return { name: serving.name, state: 'failed', error: refused.error.toWire() };
    }
    // Requested but not reported yet: no model is warm until then.
    const isRequested = [...this.#loadRequests.values()].some(({ model }) => model.dir === serving.dir);
    return { name: serving.name, state: isRequested ? 'loading' : 'installed' };
  }

  #statusOf(model: EngineModel): ModelStatus {
    const refused = this.#refused;
    if (refused === undefined || model.dir !== this.#serving?.dir) return statusOf(model);
    return { ...statusOf(model), fallbackFor: { name: refused.name, error: refused.error.toWire() } };
  }

  #sendKept(): void {
    const dirs = this.#kept.map(({ dir }) => dir);
    if (dirs.length > 0 || this.#hasSentKept) this.#options.send({ type: 'keep', dirs });
    this.#hasSentKept = dirs.length > 0;
  }

  #loadDefault(model: ModelRef, fallbacks: readonly ModelRef[] = []): void {
    this.#load({ model, fallbacks, isDefault: true });
  }

  /** After the default model, and only if both fit: it must not evict that one. */
  #preload(): void {
    const [model, alongside] = [this.#preloaded, this.chosen];
    if (model === undefined || alongside === undefined) return;
    this.#load({ model, fallbacks: [], isDefault: false, alongside });
  }

  #load(requested: Omit<LoadRequest, 'sent' | 'checking'>): number {
    const requestId = this.#next++;
    const request = { ...requested, sent: false, checking: false };
    this.#loadRequests.set(requestId, request);
    if (this.#ready) this.#send(requestId, request);
    return requestId;
  }

  /**
   * Checks a directory that is not Sotto's own first: an engine that waits for macOS's permission serves nothing
   * else.
   */
  #send(requestId: number, request: LoadRequest): void {
    const { access } = this.#options;
    if (access === undefined || access.isOwn(request.model.dir)) {
      this.#sendNow(requestId, request);
      return;
    }
    if (request.checking) return;
    request.checking = true;
    void access.check(request.model.dir).then((problem) => {
      request.checking = false;
      // The request may be cancelled, or the process gone: then the next one is sent it.
      if (!this.#loadRequests.has(requestId) || !this.#ready) return;
      if (problem === undefined) this.#sendNow(requestId, request);
      else this.#failed(requestId, problem);
    });
  }

  #sendNow(requestId: number, request: LoadRequest): void {
    const { model, fallbacks, isDefault, alongside } = request;
    request.sent = true;
    const other = isDefault ? {} : { isDefault, ...defined({ alongside }) };
    this.#options.send({ type: 'load', requestId, model, fallbacks: [...fallbacks], ...other });
  }

  #loaded(requestId: number, model: EngineModel): void {
    const request = this.#loadRequests.get(requestId);
    this.#loadRequests.delete(requestId);
    if (request === undefined) return;
    if (!request.isDefault) {
      request.caller?.resolve(statusOf(model));
      return;
    }
    const isPlanned = request.model.dir === this.#planned?.dir;
    // A client chose another model meanwhile, or the planned one is ready.
    if (isPlanned || request.caller !== undefined) {
      this.#planned = undefined;
      const fallbackFor = request.caller === undefined ? model.fallbackFor : undefined;
      this.#refused = fallbackFor && {
        name: fallbackFor.name,
        error: SottoError.fromWire(fallbackFor.error),
      };
    }
    this.#serving = { name: model.name, dir: model.dir };
    this.#options.log.info({ name: model.name }, 'default model');
    request.caller?.resolve(statusOf(model));
    this.#notify();
  }

  #failed(requestId: number, error: SottoError): void {
    const request = this.#loadRequests.get(requestId);
    this.#loadRequests.delete(requestId);
    if (request === undefined) return;
    const { model, caller, isDefault } = request;
    const { code, message } = error;
    this.#options.log.error({ model: model.name, code, message }, 'model not loaded');
    if (caller === undefined && isDefault) {
      this.#refused = { name: model.name, error };
      // Jobs that wait for it receive the error; others use the stand-in.
      if (this.#serving !== undefined && model.dir === this.#planned?.dir) this.#planned = undefined;
    }
    caller?.reject(error);
    this.#notify();
  }

  /** Logs the models whose state changed. */
  #log(now: readonly EngineModel[]): void {
    for (const model of now) {
      const before = this.#models.find(({ dir }) => dir === model.dir);
      if (before?.state !== model.state) this.#options.log.info({ ...statusOf(model) }, 'model');
    }
  }

  #notify(): void {
    const { models } = this.status();
    for (const listener of this.#listeners) listener(models);
  }
}

function statusOf({ dir: _dir, pinned: _pinned, ...status }: EngineModel): ModelStatus {
  return status;
}

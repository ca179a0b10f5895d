/** An engine whose model states a test sets itself. */
import { systemClock } from '#daemon/clock.js';
import { silentLog } from '#daemon/logger.js';
import type { Paths } from '#daemon/paths.js';
import { SottoError } from '#daemon/protocol/errors.js';
import type { ModelRef } from '#daemon/protocol/ipc.js';
import type { ModelStatus } from '#daemon/protocol/status.js';
import { ModelService } from '#daemon/sessions/models/model-service.js';
import type { ModelEngine, UseOptions } from '#daemon/supervisor/engine.js';
import { defined } from '#daemon/protocol/defined.js';
import { transcribingModels } from './descriptions.js';

interface Use {
  readonly model: ModelRef;
  readonly fallbacks: readonly ModelRef[];
  resolve(model: ModelStatus): void;
  reject(error: SottoError): void;
}

export class ControlledModels implements ModelEngine {
  serving: ModelRef | undefined;
  /** The next model, while another one is in use. */
  planned: ModelRef | undefined;
  /** Names of the requested models. */
  readonly requested: string[] = [];
  unloads = 0;
  /** Names of the chosen models of other tasks. */
  kept: readonly string[] = [];
  preloaded: string | undefined;
  /** Pending requests. */
  readonly #uses: Use[] = [];
  readonly #listeners = new Set<(models: readonly ModelStatus[]) => void>();
  #memory: ModelStatus[] = [];

  get chosen(): ModelRef | undefined {
    return this.planned ?? this.serving;
  }

  get waiting(): string[] {
    return this.#uses.map(({ model }) => model.name);
  }

  get memory(): readonly ModelStatus[] {
    return this.#memory;
  }

  use(model: ModelRef, { fallbacks = [], signal }: UseOptions = {}): Promise<ModelStatus> {
    this.requested.push(model.name);
    return new Promise((resolve, reject) => {
      const use: Use = { model, fallbacks, resolve, reject };
      this.#uses.push(use);
      signal?.addEventListener('abort', () => {
        if (!this.#remove(use)) return;
        this.#set(model.name, undefined);
        reject(new SottoError('CANCELLED', 'cancelled'));
      });
    });
  }

  keep(models: readonly ModelRef[], preloaded?: ModelRef): void {
    this.kept = models.map(({ name }) => name);
    this.preloaded = preloaded?.name;
  }

  unload(): void {
    this.unloads += 1;
    this.setModels([]);
  }

  watchModels(listener: (models: readonly ModelStatus[]) => void): () => void {
    this.#listeners.add(listener);
    listener(this.#memory);
    return () => void this.#listeners.delete(listener);
  }

  /** Sets the models in memory. */
  setModels(models: readonly ModelStatus[]): void {
    this.#memory = [...models];
    for (const listener of [...this.#listeners]) listener(this.#memory);
  }

  loading(name: string, fraction: number): void {
    this.#set(name, { name, state: 'loading', fraction });
  }

  warming(name: string): void {
    this.#set(name, { name, state: 'warming' });
  }

  /** A requested model is ready, or a smaller one instead. */
  ready(name: string, fallbackFor?: ModelStatus['fallbackFor']): void {
    const use = this.#uses.find(({ model }) => model.name === (fallbackFor?.name ?? name));
    const status: ModelStatus = {
      name,
      state: 'ready',
      loadSeconds: 1,
      ...defined({ fallbackFor }),
    };
    this.serving = [use?.model, ...(use?.fallbacks ?? [])].find((ref) => ref?.name === name) ?? this.serving;
    if (fallbackFor !== undefined) this.#set(fallbackFor.name, undefined);
    this.#set(name, status);
    if (use !== undefined && this.#remove(use)) use.resolve(status);
  }

  /** A requested model can't be loaded; the previous one stays in use. */
  fails(name: string, error: SottoError): void {
    const use = this.#uses.find(({ model }) => model.name === name);
    this.#set(name, { name, state: 'failed', error: error.toWire() });
    if (use !== undefined && this.#remove(use)) use.reject(error);
  }

  #set(name: string, status: ModelStatus | undefined): void {
    const others = this.#memory.filter((one) => one.name !== name);
    this.setModels(status === undefined ? others : [...others, status]);
  }

  #remove(use: Use): boolean {
    const at = this.#uses.indexOf(use);
    if (at >= 0) this.#uses.splice(at, 1);
    return at >= 0;
  }
}

/** For servers whose models are not used. */
export function idleModelService({ home, models, settings, machine: machineSpeed }: Paths): ModelService {
  const modelDirs = { models, bundled: models };
  const engine = new ControlledModels();
  const descriptions = transcribingModels(home);
  const common = { clock: systemClock, log: silentLog, descriptions };
  return new ModelService({ engine, modelDirs, settings, machineSpeed, ...common });
}

/**
 * The works on models that clients ask the daemon for. At most one at a time on a model: the same request joins the work
 * that is under way, another one hears BUSY. Pulls and uses belong to the daemon: they go on when their clients leave.
 */
import { SottoError } from '../../protocol/errors.js';
import type { ModelRef } from '../../protocol/ipc.js';
import type { ModelsRequest, ModelsResultOf } from '../../protocol/models.js';
import { readSettings } from '../../settings.js';
import { isModelName, modelSource } from '../../store/download/model-source.js';
import { pause } from '../../store/download/retry.js';
import { findModel, findModelOrPlain, modelNames, type ModelShelves } from '../../store/find-model.js';
import { installedModels, pruneModels, removableName, removeModel } from '../../store/installed.js';
import type { ModelEngine } from '../../supervisor/engine.js';
import { ModelStates, type NamedStatus } from './model-states.js';
import { pullFor, verifyFor, type HubOptions } from './pulling.js';
import { infoFor, listFor } from './shelf-view.js';
import { removeFor, useFor } from './using.js';
import { WatchFeed } from './watch-feed.js';
import type { DeskListener, Member, Work } from './work.js';
import { ALL, busy, Works, type WorksOptions } from './works.js';
import { defined } from '../../protocol/defined.js';

export interface ModelDeskOptions extends WorksOptions {
  readonly engine: ModelEngine;
  readonly shelves: ModelShelves;
  /** Path of settings.json. */
  readonly settings: string;
  /** Path of machine.json: how fast this machine computes. */
  readonly machineSpeed: string;
  readonly hub?: HubOptions;
}

type Asked<Do extends ModelsRequest['do']> = Extract<ModelsRequest, { do: Do }>;

export class ModelDesk {
  readonly states: ModelStates;
  readonly #options: ModelDeskOptions;
  readonly #works: Works;
  /** The model that is on its way to serve those who name none. */
  #using: Work | undefined;
  readonly #unwatch: () => void;
  #stopping = false;

  constructor(options: ModelDeskOptions) {
    this.#options = options;
    this.#works = new Works(options);
    this.states = new ModelStates(options.clock);
    this.states.disk(modelNames(options.shelves));
    this.#unwatch = options.engine.watchModels((models) => this.states.memory(models));
  }

  /** No work is under way. */
  get idle(): boolean {
    return this.#works.idle;
  }

  /**
   * Takes a request; `listener` is called only after this has returned.
   * @throws SottoError BUSY, MODEL_NOT_FOUND, MODEL_NOT_READY, INVALID_ARGUMENT, DAEMON_UNAVAILABLE (stopping)
   */
  request(request: ModelsRequest, listener: DeskListener): Member {
    if (this.#stopping) throw stoppingError();
    switch (request.do) {
      case 'list':
        return this.#works.aside(listener, () => listFor(this.#view()));
      case 'info':
        return this.#works.aside(listener, () => infoFor(this.#view(), request.model));
      case 'unload':
        return this.#works.aside(listener, () => {
          this.#options.engine.unload();
          return Promise.resolve({ do: 'unload' });
        });
      case 'pull':
        return this.#pull(request, listener);
      case 'cancel-pull':
        return this.#works.aside(listener, () => this.#cancelPull(request.model));
      case 'verify':
        return this.#verify(request, listener);
      case 'use':
        return this.#use(request, listener);
      case 'remove':
        return this.#remove(request, listener);
      case 'prune':
        return this.#prune(request, listener);
      case 'watch':
        return this.#watch(listener);
      case 'wait':
        return this.#wait(request, listener);
    }
  }

  /** Calls all off, and resolves when it is over. What has come of a download is kept. */
  async stop(): Promise<void> {
    this.#stopping = true;
    await this.#works.stop(stoppingError);
    this.#unwatch();
  }

  #view() {
    const { shelves, machineSpeed } = this.#options;
    return { shelves, machineSpeed, states: this.states, chosen: this.#chosen() };
  }

  /** The model for those who name none; the engine knows it once it was told. */
  #chosen(): ModelRef | undefined {
    const { engine, settings, shelves } = this.#options;
    if (engine.chosen !== undefined) return engine.chosen;
    try {
      return findModelOrPlain(shelves, readSettings(settings).model).model;
    } catch {
      return undefined;
    }
  }

  #pull({ model, as, again }: Asked<'pull'>, listener: DeskListener): Member {
    const { repo, revision, name } = modelSource(model);
    const target = as ?? name;
    if (!isModelName(target))
      throw new SottoError('INVALID_ARGUMENT', `${JSON.stringify(target)} is not a valid model name`);
    const sameAs = JSON.stringify(['pull', repo, revision, target, again === true]);
    const { hub, shelves } = this.#options;
    const job = { models: shelves.models, states: this.states, wanted: model, name: target };
    return this.#works.begin(target, listener, { doing: 'is being pulled', sameAs, brings: target }, (work) =>
      pullFor(work, {
        ...job,
        ...defined({ as, again, hub }),
      }),
    );
  }

  async #cancelPull(name: string): Promise<ModelsResultOf<'cancel-pull'>> {
    const work = this.#works.bringing(name);
    work?.callOff();
    await work?.settled;
    // It may have been at its end.
    return { do: 'cancel-pull', isCancelled: work?.outcome.code === 'CANCELLED' };
  }

  #verify({ model }: Asked<'verify'>, listener: DeskListener): Member {
    const ref = this.#find(model);
    const about = { doing: 'is being checked', sameAs: `verify ${ref.dir}`, endsWithClients: true };
    return this.#works.begin(ref.name, listener, about, (work) => verifyFor(work, this.states, ref));
  }

  #use({ model }: Asked<'use'>, listener: DeskListener): Member {
    const found = this.#findOrPlain(model);
    const { name, dir } = found.model;
    const about = { doing: 'is being loaded', sameAs: `use ${dir}` };
    return this.#works.begin(name, listener, about, (work) =>
      this.#choosing(work, name, () => useFor(work, { ...this.#options, states: this.states }, found)),
    );
  }

  /** Whoever chooses last is served: the choice before it is of no use any more. */
  async #choosing<T>(work: Work, name: string, choose: () => Promise<T>): Promise<T> {
    const before = this.#using;
    this.#using = work;
    try {
      if (before !== undefined) {
        before.callOff(new SottoError('CANCELLED', `${name} was chosen meanwhile`, { hint: '' }));
        await before.settled;
      }
      if (work.signal.aborted) throw new SottoError('CANCELLED', 'cancelled');
      return await choose();
    } finally {
      if (this.#using === work) this.#using = undefined;
    }
  }

  #remove({ model, force }: Asked<'remove'>, listener: DeskListener): Member {
    const ref = this.#find(model);
    // Better refused at once than after the starter model was loaded.
    removableName(this.#options.shelves.models, ref);
    const isChosen = this.#isChosen(ref);
    if (force !== true && (isChosen || this.states.holds(ref.name))) throw inUse(ref);
    if (isChosen && this.#using !== undefined) throw busy('another model', this.#using);
    const about = { doing: 'is being removed', sameAs: `remove ${ref.dir}` };
    const using = { ...this.#options, states: this.states };
    return this.#works.begin(ref.name, listener, about, (work) =>
      isChosen
        ? this.#choosing(work, 'another model', () => removeFor(work, using, ref, true))
        : removeFor(work, using, ref, false),
    );
  }

  #prune({ unused }: Asked<'prune'>, listener: DeskListener): Member {
    const { shelves } = this.#options;
    const about = { doing: 'are being tidied', sameAs: `prune ${unused === true}` };
    return this.#works.begin(ALL, listener, about, async ({ signal }) => {
      const pruned: { what: string; bytes: number }[] = [];
      const models = unused === true ? await installedModels(shelves) : [];
      for (const { name, dir, bytes, from } of models) {
        if (signal.aborted) throw new SottoError('CANCELLED', 'cancelled');
        const isFree =
          this.#works.on(name) === undefined && !this.states.holds(name) && !this.#isChosen({ name, dir });
        if (from !== 'hub' || !isFree) continue;
        await removeModel(shelves.models, name);
        pruned.push({ what: name, bytes });
      }
      pruned.push(...(await pruneModels(shelves.models)));
      this.states.disk(modelNames(shelves));
      return { do: 'prune', pruned };
    });
  }

  #watch(listener: DeskListener): Member {
    // Commands without the daemon may have brought or removed some.
    this.states.disk(modelNames(this.#options.shelves));
    const feed = new WatchFeed(this.states, this.#options.clock, (models) =>
      listener({ type: 'event', event: { type: 'models', models } }),
    );
    return this.#works.attend(listener, () => feed.close());
  }

  #wait({ model, timeoutSeconds }: Asked<'wait'>, listener: DeskListener): Member {
    const { engine, clock } = this.#options;
    const name = model === undefined ? this.#chosen()?.name : this.#nameOf(model);
    if (name === undefined) throw new SottoError('MODEL_NOT_FOUND', 'no model is chosen');
    return this.#works.aside(listener, async ({ signal }) => {
      const untilMs = clock.nowMs() + timeoutSeconds * 1000;
      // What failed before and is tried again is not lost yet.
      const again = this.states.of(name).state === 'failed' ? this.#works.on(name) : undefined;
      if (again !== undefined)
        await Promise.race([again.settled, pause(timeoutSeconds * 1000, clock, signal)]);
      try {
        const timeoutMs = Math.max(0, untilMs - clock.nowMs());
        const status = await this.states.when(name, { timeoutMs, signal });
        return { do: 'wait', model: status };
      } catch (error) {
        // Who names none takes what serves in its place.
        const serving = engine.serving && this.states.of(engine.serving.name);
        if (model === undefined && serving?.state === 'ready' && serving.insteadOf?.name === name)
          return { do: 'wait', model: serving };
        throw error;
      }
    });
  }

  /** @throws SottoError MODEL_NOT_READY for one that is being pulled, MODEL_NOT_FOUND */
  #find(wanted: string): ModelRef {
    return this.#orOnItsWay(wanted, () => findModel(this.#options.shelves, wanted));
  }

  #findOrPlain(wanted: string) {
    return this.#orOnItsWay(wanted, () => findModelOrPlain(this.#options.shelves, wanted));
  }

  #orOnItsWay<T>(wanted: string, find: () => T): T {
    try {
      return find();
    } catch (error) {
      const status = this.#onItsWay(wanted);
      if (status === undefined) throw error;
      const far = status.fraction === undefined ? '' : `, ${Math.floor(status.fraction * 100)} %`;
      throw new SottoError('MODEL_NOT_READY', `${status.name} is on its way: ${status.state}${far}`, {
        cause: error,
        hint: 'try again when it is here',
      });
    }
  }

  /** The model of that name, if it is being pulled. */
  #onItsWay(wanted: string): NamedStatus | undefined {
    let name: string;
    try {
      ({ name } = modelSource(wanted));
    } catch {
      name = wanted;
    }
    const status = this.states.of(name);
    return status.state === 'downloading' || status.state === 'verifying' ? status : undefined;
  }

  #nameOf(wanted: string): string {
    const coming = this.#onItsWay(wanted);
    return coming?.name ?? this.#find(wanted).name;
  }

  #isChosen({ dir }: ModelRef): boolean {
    return this.#chosen()?.dir === dir || this.#options.engine.serving?.dir === dir;
  }
}

function inUse({ name }: ModelRef): SottoError {
  return new SottoError('BUSY', `${name} is in use`, {
    retryable: false,
    hint: 'choose another one first (`sotto models use`), or force it: then the starter model is used',
  });
}

function stoppingError(): SottoError {
  return new SottoError('DAEMON_UNAVAILABLE', 'the daemon is stopping', { hint: 'try again in a moment' });
}

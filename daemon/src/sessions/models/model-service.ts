/**
 * Handles clients' requests about models. At most one job at a time for each model: the same request joins the
 * running job, a different one fails with BUSY. Pulls and uses belong to the daemon: they continue when their
 * client disconnects.
 */
import { throwIfCancelled } from '../../async.js';
import { pause } from '../../clock.js';
import { SottoError } from '../../protocol/errors.js';
import type { ModelRef } from '../../protocol/ipc.js';
import type { ModelTask } from '../../protocol/model-tasks.js';
import type { ModelsRequest, ModelsResultOf } from '../../protocol/models.js';
import { chooseIfFirst } from '../../store/choose-if-first.js';
import { chosenModels, tasksChosen } from '../../store/chosen-model.js';
import { isModelName, modelSource } from '../../store/download/model-source.js';
import { findModel, findModelWithFallback, modelNames, type ModelDirs } from '../../store/find-model.js';
import { installedModels, pruneModels, removableName, removeModel } from '../../store/installed-models.js';
import type { ModelDescriptions } from '../../store/model-descriptions.js';
import type { ModelEngine } from '../../supervisor/engine.js';
import type { ModelAccess } from '../../supervisor/model-access.js';
import { ModelStates, type NamedStatus } from './model-states.js';
import { runPull, runVerify, type HubOptions } from './pull-job.js';
import { modelInfo, listModels } from './model-list.js';
import { runRemove, runUse, runUseForTask } from './use-job.js';
import { ModelFeed } from './model-feed.js';
import type { ModelJobListener, Subscription, ModelJob } from './model-job.js';
import { ALL_MODELS, busy, ModelJobs, type ModelJobsOptions } from './model-jobs.js';
import { defined } from '../../protocol/defined.js';

interface ModelServiceOptions extends ModelJobsOptions {
  readonly engine: ModelEngine;
  readonly modelDirs: ModelDirs;
  /** Path of settings.json. */
  readonly settings: string;
  /** Path of machine.json: how fast this machine computes. */
  readonly machineSpeed: string;
  /** What installed models can do. */
  readonly descriptions: ModelDescriptions;
  /** The model of English dictation, if it has one of its own. */
  readonly english?: () => ModelRef | undefined;
  /** Checks which model folders can be opened; if omitted, all count as readable. */
  readonly access?: ModelAccess;
  readonly hub?: HubOptions;
}

interface Choice {
  readonly job: ModelJob;
  readonly name: string;
  readonly order: number;
}

type RequestOf<Do extends ModelsRequest['do']> = Extract<ModelsRequest, { do: Do }>;

export class ModelService {
  readonly states: ModelStates;
  readonly #options: ModelServiceOptions;
  readonly #jobs: ModelJobs;
  /** The job that is loading the next default model. */
  #choosing: Choice | undefined;
  /** Choices so far: a later one wins, whichever is ready to load first. */
  #choices = 0;
  readonly #unwatch: () => void;
  #stopping = false;

  constructor(options: ModelServiceOptions) {
    this.#options = options;
    this.#jobs = new ModelJobs(options);
    this.states = new ModelStates(options.clock);
    this.states.setInstalled(modelNames(options.modelDirs));
    this.#keepChosen();
    this.#unwatch = options.engine.watchModels((models) => this.states.setLoaded(models));
  }

  /** No job is running. */
  get isIdle(): boolean {
    return this.#jobs.isIdle;
  }

  /**
   * Handles a request; `listener` is called only after this has returned.
   * @throws SottoError BUSY, MODEL_NOT_FOUND, MODEL_NOT_READY, INVALID_ARGUMENT, DAEMON_UNAVAILABLE (stopping)
   */
  request(request: ModelsRequest, listener: ModelJobListener): Subscription {
    if (this.#stopping) throw stoppingError();
    switch (request.do) {
      case 'list':
        return this.#jobs.runUnkeyed(listener, () => listModels(this.#view()));
      case 'info':
        return this.#jobs.runUnkeyed(listener, () => modelInfo(this.#view(), request.model));
      case 'unload':
        return this.#jobs.runUnkeyed(listener, () => {
          this.#options.engine.unload();
          return Promise.resolve({ do: 'unload' });
        });
      case 'pull':
        return this.#pull(request, listener);
      case 'cancel-pull':
        return this.#jobs.runUnkeyed(listener, () => this.#cancelPull(request.model));
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

  /** Aborts all jobs, and resolves when they have ended. Partial downloads are kept. */
  async stop(): Promise<void> {
    this.#stopping = true;
    await this.#jobs.stop(stoppingError);
    this.#unwatch();
  }

  #view() {
    const { modelDirs, machineSpeed, descriptions } = this.#options;
    return { modelDirs, machineSpeed, descriptions, states: this.states, chosen: this.#chosen };
  }

  /** The chosen model of each task: those of settings.json, but the engine's for transcribing once it has one. */
  get #chosen(): Map<ModelTask, ModelRef> {
    const { engine, settings, modelDirs } = this.#options;
    const chosen = chosenModels(modelDirs, settings);
    if (engine.chosen !== undefined) chosen.set('transcribe', engine.chosen);
    return chosen;
  }

  #pull({ model, as, again }: RequestOf<'pull'>, listener: ModelJobListener): Subscription {
    const { repo, revision, name } = modelSource(model);
    const target = as ?? name;
    if (!isModelName(target))
      throw new SottoError('INVALID_ARGUMENT', `${JSON.stringify(target)} is not a valid model name`);
    const key = JSON.stringify(['pull', repo, revision, target, again === true]);
    const { hub, modelDirs, descriptions, settings } = this.#options;
    const pullOptions = { models: modelDirs.models, states: this.states, wanted: model, name: target };
    return this.#jobs.begin(
      target,
      listener,
      { activity: 'is being downloaded', key, pulledModel: target },
      async (job) => {
        const pulled = await runPull(job, { ...pullOptions, ...defined({ as, again, hub }) });
        const chosenFor = await chooseIfFirst(pulled, descriptions, settings);
        if (chosenFor.length > 0) this.#keepChosen();
        return { ...pulled, chosenFor };
      },
    );
  }

  async #cancelPull(name: string): Promise<ModelsResultOf<'cancel-pull'>> {
    const job = this.#jobs.pullOf(name);
    job?.abort();
    await job?.settled;
    // The pull may have finished first.
    return { do: 'cancel-pull', isCancelled: job?.outcome.code === 'CANCELLED' };
  }

  #verify({ model }: RequestOf<'verify'>, listener: ModelJobListener): Subscription {
    const ref = this.#find(model);
    const description = { activity: 'is being verified', key: `verify ${ref.dir}`, endsWithClients: true };
    return this.#jobs.begin(ref.name, listener, description, (job) => runVerify(job, this.states, ref));
  }

  #use({ model, task }: RequestOf<'use'>, listener: ModelJobListener): Subscription {
    const found = this.#findOrPlain(model);
    const { name, dir } = found.model;
    const description = { activity: 'is being loaded', key: `use ${dir} ${task ?? ''}` };
    const deps = { ...this.#options, states: this.states };
    const order = ++this.#choices;
    return this.#jobs.begin(name, listener, description, async (job) => {
      const chosenTask = await this.#taskFor(found.model, task);
      if (chosenTask === 'transcribe')
        return this.#runExclusively({ job, name, order }, async () => {
          const used = await runUse(job, deps, found);
          this.#keepChosen();
          return used;
        });
      const used = await runUseForTask(job, deps, found.model, chosenTask);
      this.#keepChosen();
      return used;
    });
  }

  /** @throws SottoError MODEL_UNSUPPORTED if the model can't do the task */
  async #taskFor(model: ModelRef, wanted: ModelTask | undefined): Promise<ModelTask> {
    const { descriptions, access } = this.#options;
    const problem = await access?.check(model.dir);
    if (problem !== undefined) throw problem;
    return descriptions.taskFor(model, wanted);
  }

  /** Announces the models besides the default one that stay in memory: of other tasks, and of English dictation. */
  #keepChosen(): void {
    const chosen = this.#chosen;
    const english = this.#options.english?.();
    chosen.delete('transcribe');
    this.#options.engine.keep([...chosen.values(), ...(english === undefined ? [] : [english])], english);
  }

  /** The latest choice wins: it cancels the one before it. */
  async #runExclusively<T>(choice: Choice, choose: () => Promise<T>): Promise<T> {
    const before = this.#choosing;
    if (before !== undefined && before.order > choice.order) throw chosenInstead(before);
    this.#choosing = choice;
    try {
      if (before !== undefined) {
        before.job.abort(chosenInstead(choice));
        await before.job.settled;
      }
      throwIfCancelled(choice.job.signal);
      return await choose();
    } finally {
      if (this.#choosing === choice) this.#choosing = undefined;
    }
  }

  #remove({ model, force }: RequestOf<'remove'>, listener: ModelJobListener): Subscription {
    const ref = this.#find(model);
    // Refuse now rather than after the starter model was loaded.
    removableName(this.#options.modelDirs.models, ref);
    const isDefault = this.#isDefault(ref);
    const chosenFor = tasksChosen(this.#chosen, ref.dir);
    const isUsed = isDefault || chosenFor.length > 0 || this.states.isLoaded(ref.name);
    if (force !== true && isUsed) throw inUseError(ref);
    if (isDefault && this.#choosing !== undefined) throw busy('another model', this.#choosing.job);
    const description = { activity: 'is being removed', key: `remove ${ref.dir}` };
    const deps = { ...this.#options, states: this.states };
    const order = ++this.#choices;
    return this.#jobs.begin(ref.name, listener, description, (job) =>
      isDefault
        ? this.#runExclusively({ job, name: 'another model', order }, async () => {
            const removed = await runRemove(job, deps, ref, ['transcribe', ...chosenFor]);
            this.#keepChosen();
            return removed;
          })
        : runRemove(job, deps, ref, chosenFor),
    );
  }

  #prune({ unused }: RequestOf<'prune'>, listener: ModelJobListener): Subscription {
    const { modelDirs } = this.#options;
    const description = { activity: 'are being pruned', key: `prune ${unused === true}` };
    return this.#jobs.begin(ALL_MODELS, listener, description, async ({ signal }) => {
      const pruned: { what: string; bytes: number }[] = [];
      const models = unused === true ? await installedModels(modelDirs) : [];
      for (const { name, dir, bytes, from } of models) {
        throwIfCancelled(signal);
        const isFree =
          this.#jobs.get(name) === undefined &&
          !this.states.isLoaded(name) &&
          !this.#isDefault({ name, dir }) &&
          tasksChosen(this.#chosen, dir).length === 0;
        if (from !== 'hub' || !isFree) continue;
        await removeModel(modelDirs.models, name);
        pruned.push({ what: name, bytes });
      }
      pruned.push(...(await pruneModels(modelDirs.models)));
      this.states.setInstalled(modelNames(modelDirs));
      return { do: 'prune', pruned };
    });
  }

  #watch(listener: ModelJobListener): Subscription {
    // A command without the daemon may have installed or removed models.
    this.states.setInstalled(modelNames(this.#options.modelDirs));
    const feed = new ModelFeed(this.states, this.#options.clock, (models) =>
      listener({ type: 'event', event: { type: 'models', models } }),
    );
    return this.#jobs.subscribe(listener, () => feed.close());
  }

  #wait({ model, timeoutSeconds }: RequestOf<'wait'>, listener: ModelJobListener): Subscription {
    const { engine, clock } = this.#options;
    const name = model === undefined ? this.#chosen.get('transcribe')?.name : this.#nameOf(model);
    if (name === undefined) throw new SottoError('MODEL_NOT_FOUND', 'no default model is set');
    return this.#jobs.runUnkeyed(listener, async ({ signal }) => {
      const untilMs = clock.nowMs() + timeoutSeconds * 1000;
      // A model that failed before may be loading again.
      const retry = this.states.status(name).state === 'failed' ? this.#jobs.get(name) : undefined;
      if (retry !== undefined)
        await Promise.race([retry.settled, pause(timeoutSeconds * 1000, clock, signal)]);
      try {
        const timeoutMs = Math.max(0, untilMs - clock.nowMs());
        const status = await this.states.waitUntilReady(name, { timeoutMs, signal });
        return { do: 'wait', model: status };
      } catch (error) {
        // If no model was named, the fallback that serves is an answer too.
        const serving = engine.serving && this.states.status(engine.serving.name);
        if (model === undefined && serving?.state === 'ready' && serving.fallbackFor?.name === name)
          return { do: 'wait', model: serving };
        throw error;
      }
    });
  }

  /** @throws SottoError MODEL_NOT_READY for a model that is being pulled, MODEL_NOT_FOUND */
  #find(wanted: string): ModelRef {
    return this.#findOrReportDownload(wanted, () => findModel(this.#options.modelDirs, wanted));
  }

  #findOrPlain(wanted: string) {
    return this.#findOrReportDownload(wanted, () => findModelWithFallback(this.#options.modelDirs, wanted));
  }

  #findOrReportDownload<T>(wanted: string, find: () => T): T {
    try {
      return find();
    } catch (error) {
      const status = this.#downloadOf(wanted);
      if (status === undefined) throw error;
      const progress = status.fraction === undefined ? '' : `, ${Math.floor(status.fraction * 100)}%`;
      throw new SottoError('MODEL_NOT_READY', `${status.name} is still ${status.state}${progress}`, {
        cause: error,
        hint: 'try again when it is installed',
      });
    }
  }

  /** The status of a model that is being pulled. */
  #downloadOf(wanted: string): NamedStatus | undefined {
    let name: string;
    try {
      ({ name } = modelSource(wanted));
    } catch {
      name = wanted;
    }
    const status = this.states.status(name);
    return status.state === 'downloading' || status.state === 'verifying' ? status : undefined;
  }

  #nameOf(wanted: string): string {
    const downloading = this.#downloadOf(wanted);
    return downloading?.name ?? this.#find(wanted).name;
  }

  /** Whether it transcribes by default, or stands in for the model that does. */
  #isDefault({ dir }: ModelRef): boolean {
    return this.#chosen.get('transcribe')?.dir === dir || this.#options.engine.serving?.dir === dir;
  }
}

function chosenInstead({ name }: Choice): SottoError {
  return new SottoError('CANCELLED', `${name} was chosen instead`, { hint: '' });
}

function inUseError({ name }: ModelRef): SottoError {
  return new SottoError('BUSY', `${name} is in use`, {
    retryable: false,
    hint: 'choose another one first (`sotto models use`), or use force to switch to the starter model',
  });
}

function stoppingError(): SottoError {
  return new SottoError('DAEMON_UNAVAILABLE', 'the daemon is stopping', { hint: 'try again in a moment' });
}

/** Connects engine, sessions, models and vocabulary: the core of the daemon and of commands that run without it. */
import { fileURLToPath } from 'node:url';
import { systemClock } from './clock.js';
import type { Logger } from './logger.js';
import { modelDirs, type Paths } from './paths.js';
import type { ModelTask } from './protocol/model-tasks.js';
import { messageOf, type SottoError } from './protocol/errors.js';
import { codedError } from './protocol/file-errors.js';
import type { ModelRef } from './protocol/ipc.js';
import { JobScheduler } from './sessions/jobs/job-scheduler.js';
import { DEFAULT_GPU, DEFAULTS, type GpuSettings, readSettings, type Settings } from './settings.js';
import { englishModel, namedOrChosenModel } from './store/chosen-model.js';
import { findModel, findModelWithFallback, type ModelMatch, type ModelDirs } from './store/find-model.js';
import { keepMachineSpeed } from './store/machine-speed.js';
import { smallerModels } from './store/smaller-models.js';
import type { EngineCommand } from './supervisor/engine-process.js';
import type { WarmPlan } from './supervisor/model-lifecycle.js';
import { ProcessFileAccess, type FileAccess } from './supervisor/file-access.js';
import { ProcessModelAccess, type ModelAccess } from './supervisor/model-access.js';
import { Supervisor } from './supervisor/supervisor.js';
import { modelLimits } from './store/model-limits.js';
import { ActiveVocabulary } from './sessions/vocabulary/active-vocabulary.js';
import { VocabularyFile } from './store/vocabulary/vocabulary-file.js';
import { defined } from './protocol/defined.js';

type ResolveModel = (model: string | undefined) => ModelRef;
type ResolveTaskModel = (model: string | undefined, task: ModelTask) => ModelRef;

export interface DaemonCore {
  readonly supervisor: Supervisor;
  readonly sessions: JobScheduler;
  readonly modelAccess: ModelAccess;
  readonly fileAccess: FileAccess;
  /** The vocabulary file and its compiled form. */
  readonly vocabulary: { readonly file: VocabularyFile; readonly inUse: ActiveVocabulary };
  /** Finds a model by name or folder; the chosen one of the task without a name. @throws SottoError MODEL_NOT_FOUND */
  readonly resolveModel: ResolveTaskModel;
  /** The same for dictation; without an argument, the model that is ready first. */
  readonly resolveLiveModel: ResolveModel;
  /** The model for English dictation; undefined if another default model was chosen than the included one. */
  readonly englishModel: () => ModelRef | undefined;
  /** What is wrong with the configuration: a missing model or invalid settings. */
  readonly problem: () => SottoError | undefined;
}

interface DaemonCoreOptions {
  readonly paths: Paths;
  readonly log: Logger;
  /** Default model for jobs: name or absolute folder; from the settings if absent. */
  readonly model?: string;
  /** Load the model at start. */
  readonly warm: boolean;
  /** Use default settings if those of the user are invalid. */
  readonly tolerant?: boolean;
  readonly onIdleChange?: (idle: boolean) => void;
}

/** Operations and MB per Metal command buffer; MLX's default is 40 or 50 of both. */
export const LARGE_COMMAND_BUFFERS = { MLX_MAX_OPS_PER_BUFFER: '200', MLX_MAX_MB_PER_BUFFER: '400' };

/** The engine's module and environment. Tests replace the module. */
export function engineCommand({ largeCommandBuffers }: GpuSettings = DEFAULT_GPU): EngineCommand {
  const own = process.env.SOTTO_ENGINE;
  const modulePath = own ?? fileURLToPath(new URL('./engine/main.js', import.meta.url));
  return largeCommandBuffers ? { modulePath, env: LARGE_COMMAND_BUFFERS } : { modulePath };
}

export function createDaemonCore({
  paths,
  log,
  model,
  warm,
  tolerant,
  onIdleChange,
}: DaemonCoreOptions): DaemonCore {
  const { settings, fault } = settingsOf(paths, tolerant === true);
  const dirs = modelDirs(paths);
  const configured = (): ModelMatch => findModelWithFallback(dirs, model ?? settings.model);
  const { plan, problem } = warm ? planFor(dirs, configured) : {};
  const modelAccess = new ProcessModelAccess({ clock: systemClock, own: [dirs.models, dirs.bundled] });
  const supervisor = new Supervisor({
    command: engineCommand(settings.gpu),
    clock: systemClock,
    log,
    limits: modelLimits(settings),
    access: modelAccess,
    onMeasured: (gflops) => {
      keepMachineSpeed(paths.machine, gflops).catch((error: unknown) =>
        log.warn({ message: messageOf(error) }, 'the speed of this machine could not be saved'),
      );
    },
    ...defined({ warm: plan }),
  });
  /** The problem of the configured model, until another model is chosen. */
  const modelProblem = (): SottoError | undefined =>
    supervisor.models.chosen?.dir === plan?.model.dir ? problem : undefined;
  const resolveModel: ResolveTaskModel = (wanted, task) => {
    // Settings may have changed since the start.
    if (wanted !== undefined || task !== 'transcribe')
      return namedOrChosenModel(dirs, paths.settings, task, wanted);
    // If the configured model is missing, a request without a model fails.
    return modelProblem() === undefined
      ? (supervisor.models.chosen ?? configured().model)
      : configured().model;
  };
  const resolveLiveModel: ResolveModel = (wanted) =>
    wanted === undefined ? (supervisor.models.serving ?? configured().model) : findModel(dirs, wanted);
  const starter = starterModel(dirs);
  const liveEnglishModel = (): ModelRef | undefined => {
    const { serving } = supervisor.models;
    const isChosen = model !== undefined || (serving !== undefined && serving.dir !== starter?.dir);
    return isChosen ? undefined : englishModel(dirs, settingsOf(paths, true).settings);
  };
  const file = new VocabularyFile(paths.vocabulary);
  const inUse = new ActiveVocabulary(() => file.read(), log);
  const fileAccess = new ProcessFileAccess({ clock: systemClock, uploads: paths.uploads });
  const sessions = new JobScheduler({
    engine: supervisor,
    vocabulary: inUse,
    clock: systemClock,
    log,
    resolveModel,
    modelAccess,
    access: fileAccess,
    ...defined({ onIdleChange }),
  });
  return {
    supervisor,
    sessions,
    modelAccess,
    fileAccess,
    vocabulary: { file, inUse },
    resolveModel,
    resolveLiveModel,
    englishModel: liveEnglishModel,
    problem: () => fault ?? modelProblem(),
  };
}

function settingsOf(
  { settings: path }: Paths,
  tolerant: boolean,
): { settings: Settings; fault?: SottoError } {
  try {
    return { settings: readSettings(path) };
  } catch (error) {
    if (!tolerant) throw error;
    return { settings: DEFAULTS, fault: codedError(error) };
  }
}

/** The models to load: the default model, the included one until then, and smaller ones if it does not fit. */
export function planFor(
  dirs: ModelDirs,
  configured: () => ModelMatch,
): { plan?: WarmPlan; problem?: SottoError } {
  const standIn = starterModel(dirs);
  try {
    const { model, fallbackFor } = configured();
    const fallbacks = smallerModels(dirs, model);
    return {
      plan: { model, fallbacks, ...defined({ standIn }) },
      ...defined({ problem: fallbackFor?.error }),
    };
  } catch (error) {
    // A daemon without its default model still serves dictation and jobs that name another one, and reports the
    // problem.
    const problem = codedError(error);
    return standIn === undefined ? { problem } : { plan: { model: standIn }, problem };
  }
}

function starterModel(dirs: ModelDirs): ModelRef | undefined {
  try {
    return findModel(dirs, undefined);
  } catch {
    return undefined;
  }
}

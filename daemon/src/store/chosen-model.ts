/** The model that the user has chosen for a task. */
import { SottoError } from '../protocol/errors.js';
import type { ModelRef } from '../protocol/ipc.js';
import { MODEL_TASKS, TASK_VERBS, type ModelTask } from '../protocol/model-tasks.js';
import { chosenModelOf, readSettings, type Settings } from '../settings.js';
import { findModel, findModelWithFallback, type ModelDirs } from './find-model.js';
import { includedModels } from './included-models.js';

/** @throws SottoError MODEL_NOT_FOUND if none is chosen, or it is not installed */
export function chosenModel(dirs: ModelDirs, settings: Settings, task: ModelTask): ModelRef {
  const setting = chosenModelOf(settings, task);
  if (task === 'transcribe') return findModelWithFallback(dirs, setting).model;
  if (setting !== undefined) return findModel(dirs, setting);
  const { codec } = includedModels(dirs.bundled);
  if (task === 'codec' && codec !== undefined) return codec;
  throw new SottoError('MODEL_NOT_FOUND', `no model is chosen that ${TASK_VERBS[task]}`, {
    hint: 'name one, or choose an installed one with `sotto models use NAME`',
  });
}

/** The model for English dictation; undefined if the user has chosen a model that transcribes. */
export function englishModel({ bundled }: ModelDirs, { model }: Settings): ModelRef | undefined {
  return model === undefined ? includedModels(bundled).english : undefined;
}

/**
 * @param path of settings.json
 * @param wanted name or absolute folder; the chosen one if undefined
 * @throws SottoError MODEL_NOT_FOUND, INVALID_ARGUMENT (the settings)
 */
export function namedOrChosenModel(
  dirs: ModelDirs,
  path: string,
  task: ModelTask,
  wanted: string | undefined,
): ModelRef {
  return wanted === undefined ? chosenModel(dirs, readSettings(path), task) : findModel(dirs, wanted);
}

/**
 * The chosen model of each task that has one. Those that are not installed, and all if settings.json is invalid, are left out:
 * what needs them reports it.
 *
 * @param path of settings.json
 */
export function chosenModels(dirs: ModelDirs, path: string): Map<ModelTask, ModelRef> {
  const chosen = new Map<ModelTask, ModelRef>();
  const settings = valueOf(() => readSettings(path));
  if (settings === undefined) return chosen;
  for (const task of MODEL_TASKS) {
    const model = valueOf(() => chosenModel(dirs, settings, task));
    if (model !== undefined) chosen.set(task, model);
  }
  return chosen;
}

function valueOf<T>(find: () => T): T | undefined {
  try {
    return find();
  } catch {
    return undefined;
  }
}

/** The tasks for which the model of this folder is chosen. */
export function tasksChosen(chosen: ReadonlyMap<ModelTask, ModelRef>, dir: string): ModelTask[] {
  return [...chosen].filter(([, model]) => model.dir === dir).map(([task]) => task);
}

/** The model that the user has chosen for a task. */
import { SottoError } from '../protocol/errors.js';
import type { ModelRef } from '../protocol/ipc.js';
import { MODEL_TASKS, TASK_VERBS, type ModelTask } from '../protocol/model-tasks.js';
import { chosenModelOf, type Settings } from '../settings.js';
import { findModel, findModelWithFallback, type ModelDirs } from './find-model.js';

/** @throws SottoError MODEL_NOT_FOUND if none is chosen, or it is not installed */
export function chosenModel(dirs: ModelDirs, settings: Settings, task: ModelTask): ModelRef {
  const setting = chosenModelOf(settings, task);
  if (task === 'transcribe') return findModelWithFallback(dirs, setting).model;
  if (setting !== undefined) return findModel(dirs, setting);
  throw new SottoError('MODEL_NOT_FOUND', `no model is chosen that ${TASK_VERBS[task]}`, {
    hint: 'name one, or choose an installed one with `sotto models use NAME`',
  });
}

/** The chosen model of each task that has one; those that are not installed are left out. */
export function chosenModels(dirs: ModelDirs, settings: Settings): Map<ModelTask, ModelRef> {
  const chosen = new Map<ModelTask, ModelRef>();
  for (const task of MODEL_TASKS) {
    try {
      chosen.set(task, chosenModel(dirs, settings, task));
    } catch {
      // Reported when it is needed.
    }
  }
  return chosen;
}

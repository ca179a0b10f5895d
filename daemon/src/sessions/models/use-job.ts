/** Chooses models. settings.json changes only after the engine has loaded the model. */
import type { ModelRef } from '../../protocol/ipc.js';
import type { ModelTask } from '../../protocol/model-tasks.js';
import type { ModelsResultOf } from '../../protocol/models.js';
import type { ModelStatus } from '../../protocol/status.js';
import { readSettings } from '../../settings.js';
import { folderBytes } from '../../store/download/download-folder.js';
import {
  findModel,
  modelNames,
  settingFor,
  type ModelMatch,
  type ModelDirs,
} from '../../store/find-model.js';
import { removableName, removeModel } from '../../store/installed-models.js';
import { smallerModels } from '../../store/smaller-models.js';
import { chooseModel } from '../../store/write-settings.js';
import type { ModelEngine } from '../../supervisor/engine.js';
import type { ModelStates } from './model-states.js';
import type { ModelJob } from './model-job.js';
import { defined } from '../../protocol/defined.js';

interface UseJobDeps {
  readonly engine: ModelEngine;
  readonly states: ModelStates;
  readonly modelDirs: ModelDirs;
  /** Path of settings.json. */
  readonly settings: string;
}

/**
 * @throws SottoError as the engine does, INVALID_ARGUMENT or OUTPUT_FAILED for settings.json; nothing has changed
 *   then
 */
export async function runUse(
  job: ModelJob,
  { engine, states, modelDirs, settings }: UseJobDeps,
  { model, fallbackFor }: ModelMatch,
): Promise<ModelsResultOf<'use'>> {
  // Fail on bad settings before the model is loaded, not after.
  readSettings(settings);
  const wanted = fallbackFor && { name: fallbackFor.name, error: fallbackFor.error.toWire() };
  if (wanted !== undefined) job.emit({ type: 'fallback', name: model.name, fallbackFor: wanted });
  const before = engine.chosen;
  const fallbacks = smallerModels(modelDirs, model);
  const candidates = [model, ...fallbacks];
  const unwatch = states.watch(({ name, state, fraction = 0 }) => {
    if (state !== 'loading' && state !== 'warming') return;
    if (candidates.some((one) => one.name === name)) job.emit({ type: 'progress', stage: state, fraction });
  });
  let ready: ModelStatus;
  try {
    ready = await engine.use(model, { fallbacks, signal: job.signal });
  } finally {
    unwatch();
  }
  const served = candidates.find(({ name }) => name === ready.name) ?? model;
  const tooLarge = served === model ? undefined : ready.fallbackFor;
  if (tooLarge !== undefined) job.emit({ type: 'fallback', name: served.name, fallbackFor: tooLarge });
  try {
    await chooseModel(settings, settingFor(modelDirs, served));
  } catch (error) {
    if (before !== undefined) await engine.use(before).catch(() => undefined);
    throw error;
  }
  const replaced = tooLarge === undefined ? wanted : { ...tooLarge, name: wanted?.name ?? tooLarge.name };
  return { do: 'use', task: 'transcribe', model: { ...ready, ...defined({ fallbackFor: replaced }) } };
}

/** Chooses a model for a task other than transcribing. @throws SottoError as `runUse` */
export async function runUseForTask(
  job: ModelJob,
  { engine, states, modelDirs, settings }: UseJobDeps,
  model: ModelRef,
  task: ModelTask,
): Promise<ModelsResultOf<'use'>> {
  readSettings(settings);
  const unwatch = states.watch(({ name, state, fraction = 0 }) => {
    if (name !== model.name || (state !== 'loading' && state !== 'warming')) return;
    job.emit({ type: 'progress', stage: state, fraction });
  });
  try {
    const ready = await engine.use(model, { isDefault: false, signal: job.signal });
    await chooseModel(settings, settingFor(modelDirs, model), task);
    return { do: 'use', task, model: ready };
  } finally {
    unwatch();
  }
}

/** @throws SottoError MODEL_NOT_FOUND, BUSY, or why the starter model can't replace it; the model is kept then */
export async function runRemove(
  job: ModelJob,
  { engine, modelDirs, settings, states }: UseJobDeps,
  model: ModelRef,
  chosenFor: readonly ModelTask[],
): Promise<ModelsResultOf<'remove'>> {
  const bytes = await folderBytes(model.dir);
  let used: ModelStatus | undefined;
  if (chosenFor.includes('transcribe')) {
    readSettings(settings);
    used = await engine.use(findModel(modelDirs, undefined), { signal: job.signal });
  }
  for (const task of new Set(chosenFor)) await chooseModel(settings, undefined, task);
  try {
    await removeModel(modelDirs.models, removableName(modelDirs.models, model));
  } finally {
    states.setInstalled(modelNames(modelDirs));
  }
  return { do: 'remove', name: model.name, bytes, ...defined({ used }) };
}

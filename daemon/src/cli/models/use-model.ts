/** `sotto models use` and `unload`. */
import type { SottoClient } from '../../client/index.js';
import { modelDirs, type Paths } from '../../paths.js';
import { SottoError } from '../../protocol/errors.js';
import { defined } from '../../protocol/defined.js';
import { TASK_VERBS, type ModelTask } from '../../protocol/model-tasks.js';
import type { ModelsResultOf } from '../../protocol/models.js';
import { findModelWithFallback, settingFor } from '../../store/find-model.js';
import { chooseModel } from '../../store/write-settings.js';
import { modelArgument } from '../../store/model-argument.js';
import { describedModels } from './described-models.js';
import { queryDaemon } from './query-daemon.js';
import { modelLoadView } from './model-load-view.js';

/**
 * A running daemon loads the model before it becomes the chosen one.
 * @returns the exit code
 * @throws SottoError
 */
export async function use(
  paths: Paths,
  name: string,
  task: ModelTask | undefined,
  signal: AbortSignal,
): Promise<number> {
  const dirs = modelDirs(paths);
  const wanted = modelArgument(name, paths) ?? name;
  const { model, fallbackFor } = findModelWithFallback(dirs, wanted);
  const reply = await queryDaemon(paths, (client) => useInDaemon(client, wanted, model.name, task, signal));
  if (reply !== undefined && reply !== 'old') {
    process.stdout.write(chosenText(reply.answer));
    return 0;
  }
  if (fallbackFor !== undefined)
    process.stderr.write(`${fallbackFor.error.message}: using ${model.name} instead\n`);
  const chosenTask = await describedModels(paths).taskFor(model, task);
  await chooseModel(paths.settings, settingFor(dirs, model), chosenTask);
  const later = reply === 'old' ? ' (restart the daemon to apply)' : '';
  process.stdout.write(`${model.name} is now ${roleOf(chosenTask)}${later}.\n`);
  return 0;
}

async function useInDaemon(
  client: SottoClient,
  wanted: string,
  name: string,
  task: ModelTask | undefined,
  signal: AbortSignal,
): Promise<ModelsResultOf<'use'>> {
  const { engine } = await client.status();
  const currentModel =
    engine.model.state === 'ready' && engine.model.name !== name ? engine.model.name : undefined;
  const view = modelLoadView(name, currentModel);
  try {
    const work = client.models.use(wanted, { signal, ...defined({ task }) });
    for await (const event of work) view.event(event);
    return await work.result;
  } catch (error) {
    if (error instanceof SottoError && error.code === 'CANCELLED' && signal.aborted)
      throw new SottoError('CANCELLED', 'cancelled: no changes', { hint: '' });
    throw error;
  } finally {
    view.close();
  }
}

function chosenText({ model: { name, loadSeconds }, task }: ModelsResultOf<'use'>): string {
  const loadTime = loadSeconds === undefined ? '' : ` (loaded in ${loadSeconds.toFixed(1)} s)`;
  return `${name ?? 'it'} is now ${roleOf(task)}${loadTime}.\n`;
}

function roleOf(task: ModelTask): string {
  return task === 'transcribe' ? 'the default model' : `the model that ${TASK_VERBS[task]}`;
}

/** @returns the exit code @throws SottoError */
export async function unload(paths: Paths): Promise<number> {
  const reply = await queryDaemon(paths, ({ models }) => models.unload());
  if (reply === 'old') {
    throw new SottoError('VERSION_MISMATCH', 'the running daemon is too old to unload models');
  }
  process.stdout.write(
    reply === undefined
      ? 'The daemon isn’t running: no model is loaded.\n'
      : 'Models unloaded. The next request will load one again.\n',
  );
  return 0;
}

/** `sotto models use` and `unload`. */
import type { SottoClient } from '../../client/index.js';
import { modelDirs, type Paths } from '../../paths.js';
import { SottoError } from '../../protocol/errors.js';
import type { ModelStatus } from '../../protocol/status.js';
import { findModelWithFallback, settingFor } from '../../store/find-model.js';
import { chooseModel } from '../../store/write-settings.js';
import { modelArgument } from '../../store/model-argument.js';
import { queryDaemon } from './query-daemon.js';
import { modelLoadView } from './model-load-view.js';

/**
 * A running daemon loads the model before it becomes the default.
 * @returns the exit code
 * @throws SottoError
 */
export async function use(paths: Paths, name: string, signal: AbortSignal): Promise<number> {
  const dirs = modelDirs(paths);
  const wanted = modelArgument(name, paths) ?? name;
  const { model, fallbackFor } = findModelWithFallback(dirs, wanted);
  const reply = await queryDaemon(paths, (client) => useInDaemon(client, wanted, model.name, signal));
  if (reply !== undefined && reply !== 'old') {
    process.stdout.write(defaultModelText(reply.answer));
    return 0;
  }
  if (fallbackFor !== undefined)
    process.stderr.write(`${fallbackFor.error.message}: using ${model.name} instead\n`);
  await chooseModel(paths.settings, settingFor(dirs, model));
  const later = reply === 'old' ? ' (restart the daemon to apply)' : '';
  process.stdout.write(`${model.name} is now the default model${later}.\n`);
  return 0;
}

async function useInDaemon(
  client: SottoClient,
  wanted: string,
  name: string,
  signal: AbortSignal,
): Promise<ModelStatus> {
  const { engine } = await client.status();
  const currentModel =
    engine.model.state === 'ready' && engine.model.name !== name ? engine.model.name : undefined;
  const view = modelLoadView(name, currentModel);
  try {
    const work = client.models.use(wanted, { signal });
    for await (const event of work) view.event(event);
    return (await work.result).model;
  } catch (error) {
    if (error instanceof SottoError && error.code === 'CANCELLED' && signal.aborted)
      throw new SottoError('CANCELLED', 'cancelled: no changes', { hint: '' });
    throw error;
  } finally {
    view.close();
  }
}

function defaultModelText({ name, loadSeconds }: ModelStatus): string {
  const loadTime = loadSeconds === undefined ? '' : ` (loaded in ${loadSeconds.toFixed(1)} s)`;
  return `${name ?? 'it'} is now the default model${loadTime}.\n`;
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

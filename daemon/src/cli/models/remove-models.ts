/** `sotto models remove` and `sotto models prune`. */
import { createInterface } from 'node:readline/promises';
import { modelDirs, type Paths } from '../../paths.js';
import { SottoError } from '../../protocol/errors.js';
import { chosenModels, tasksChosen } from '../../store/chosen-model.js';
import { formatBytes } from '../../store/download/format-bytes.js';
import { folderBytes } from '../../store/download/download-folder.js';
import { findModel } from '../../store/find-model.js';
import { installedModels, pruneModels, removableName, removeModel } from '../../store/installed-models.js';
import { chooseModel } from '../../store/write-settings.js';
import { queryDaemon } from './query-daemon.js';

interface RemoveModelOptions {
  readonly name: string;
  /** Skip the confirmation. */
  readonly yes: boolean;
  readonly signal: AbortSignal;
}

/** @returns the exit code @throws SottoError */
export async function remove(paths: Paths, { name, yes, signal }: RemoveModelOptions): Promise<number> {
  const model = findModel(modelDirs(paths), name);
  const folder = removableName(paths.models, model);
  const size = formatBytes(await folderBytes(model.dir));
  if (!(await confirmRemoval(`Remove ${model.name} (${size})?`, yes, signal))) return 1;
  const chosenFor = tasksChosen(chosenModels(modelDirs(paths), paths.settings), model.dir);
  // A daemon loads the included model first if the removed one is in use.
  const reply = await queryDaemon(paths, ({ models }) => models.remove(model.dir, { force: true }));
  if (reply !== undefined && reply !== 'old') {
    process.stdout.write(`removed ${model.name} (${size})\n`);
    const { used } = reply.answer;
    if (used?.name !== undefined)
      process.stdout.write(`It was the default; ${used.name} is the default now.\n`);
    return 0;
  }
  await removeModel(paths.models, folder);
  process.stdout.write(`removed ${model.name} (${size})\n`);
  for (const task of chosenFor) await chooseModel(paths.settings, undefined, task);
  if (chosenFor.includes('transcribe'))
    process.stdout.write('It was the default; the included model is the default now.\n');
  return 0;
}

interface PruneOptions {
  /** Also remove downloaded models except the default. */
  readonly unused: boolean;
  readonly yes: boolean;
  readonly signal: AbortSignal;
}

/** @returns the exit code @throws SottoError */
export async function prune(paths: Paths, { unused, yes, signal }: PruneOptions): Promise<number> {
  const chosen = chosenModels(modelDirs(paths), paths.settings);
  const models = (await installedModels(modelDirs(paths))).filter(
    ({ from, dir }) => from === 'hub' && tasksChosen(chosen, dir).length === 0,
  );
  let bytes = 0;
  if (unused && models.length > 0) {
    const all = models.map((model) => `${model.name} (${formatBytes(model.bytes)})`).join(', ');
    if (!(await confirmRemoval(`Remove ${all}?`, yes, signal))) return 1;
    for (const model of models) {
      await removeModel(paths.models, model.name);
      process.stdout.write(`removed ${model.name} (${formatBytes(model.bytes)})\n`);
      bytes += model.bytes;
    }
  }
  for (const { what, bytes: size } of await pruneModels(paths.models)) {
    process.stdout.write(`removed ${what} (${formatBytes(size)})\n`);
    bytes += size;
  }
  process.stdout.write(bytes === 0 ? 'nothing to remove\n' : `${formatBytes(bytes)} freed\n`);
  return 0;
}

/** @throws SottoError INVALID_ARGUMENT without a terminal */
async function confirmRemoval(question: string, yes: boolean, signal: AbortSignal): Promise<boolean> {
  if (yes) return true;
  if (!process.stdin.isTTY || !process.stderr.isTTY) {
    throw new SottoError('INVALID_ARGUMENT', 'not a terminal, so the removal can’t be confirmed', {
      hint: 'use --yes to confirm',
    });
  }
  const lines = createInterface({ input: process.stdin, output: process.stderr });
  try {
    return /^\s*y(es)?\s*$/i.test(await lines.question(`${question} [y/N] `, { signal }));
  } catch (cause) {
    throw new SottoError('CANCELLED', 'nothing was removed', { cause, hint: '' });
  } finally {
    lines.close();
  }
}

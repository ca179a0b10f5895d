/** `sotto models list`: what is here, and what there is. */
import type { Paths } from '../paths.js';
import { readSettings } from '../settings.js';
import {
  CATALOGUE,
  recommendedModel,
  thisMachine,
  type CatalogueEntry,
  type Machine,
} from '../store/catalogue/index.js';
import { describeBytes } from '../store/download/describe-bytes.js';
import { findModelOrPlain } from '../store/find-model.js';
import { installedModels, partialDownloads, type InstalledModel } from '../store/installed.js';
import { describeState, statesInDaemon } from './models-daemon.js';
import { modelTable, terminalColumns } from './models-table.js';
import { shelvesOf } from './shelves.js';
import { styleFor, wantsColour } from './terminal/style.js';

export async function listModels(
  paths: Paths,
  json: boolean,
  machine: Machine = thisMachine(),
): Promise<number> {
  const installed = await installedModels(shelvesOf(paths));
  const partial = await partialDownloads(paths.models);
  const recommended = recommendedModel(machine);
  const chosen = chosenFolder(paths);
  const states = await statesInDaemon(paths);
  if (json) {
    const told = {
      chosen,
      machine,
      recommended: recommended.name,
      installed,
      partial,
      // Of a daemon that runs.
      states: [...states.values()],
      catalogue: CATALOGUE,
    };
    process.stdout.write(`${JSON.stringify(told)}\n`);
    return 0;
  }
  const columns = terminalColumns();
  const style = styleFor(wantsColour(process.stdout));
  const put = (text: string): void => void process.stdout.write(text);
  const hasStates = installed.some(({ name }) => describeState(states.get(name)) !== '');
  const here = installed.map((model) => [
    `${model.dir === chosen ? '*' : ' '} ${model.name}`,
    describeBytes(model.bytes).padStart(8),
    ...(hasStates ? [describeState(states.get(model.name))] : []),
    whereFrom(model),
  ]);
  put(
    `${style.bold('Here')}${here.some(([name]) => name?.startsWith('*')) ? style.dim('  (* is used)') : ''}\n`,
  );
  const heads = ['  NAME', '    SIZE', ...(hasStates ? ['DAEMON'] : []), 'FROM'];
  put(modelTable(heads, here, columns, style));
  for (const { name, haveBytes, totalBytes } of partial) {
    const part = `${describeBytes(haveBytes)} of ${describeBytes(totalBytes)}`;
    const { state } = states.get(name) ?? { state: 'absent' };
    const next =
      state === 'downloading' || state === 'verifying'
        ? 'the daemon is at it'
        : '`sotto models pull` goes on, `sotto models prune` gives up';
    put(`  ${name}: ${part} so far; ${next}\n`);
  }
  const present = new Set(installed.map(({ name }) => name));
  const others = CATALOGUE.filter(({ name }) => !present.has(name));
  put(`\n${style.bold('To be pulled')}\n`);
  put(
    modelTable(
      ['  NAME', '    SIZE', '  MEMORY', 'LANGUAGES', 'SPEED', 'FROM'],
      others.map((entry) => catalogueRow(entry, entry === recommended)),
      columns,
      style,
    ),
  );
  put(
    `\n→ suits this machine (${describeBytes(machine.memoryBytes)} of memory${machine.hasGpu ? '' : ', no GPU for MLX'}). ` +
      'Sizes with ~ and all memory are estimates.\n',
  );
  if (!machine.hasGpu)
    put('Without a GPU the starter model keeps up best; there is no need to pull another.\n');
  else if (present.has(recommended.name))
    put(`${recommended.name}, which suits this machine best, is here.\n`);
  else put(`\`sotto models pull ${recommended.aliases[0] ?? recommended.name}\` brings it here.\n`);
  return 0;
}

function catalogueRow(entry: CatalogueEntry, isRecommended: boolean): string[] {
  const { name, bytes, bytesAre, memoryBytes, languages, speed, repo } = entry;
  return [
    `${isRecommended ? '→' : ' '} ${name}`,
    `${bytesAre === 'estimated' ? '~' : ''}${describeBytes(bytes)}`.padStart(8),
    describeBytes(memoryBytes).padStart(8),
    languages === 'English' ? 'English' : '99',
    speed,
    repo,
  ];
}

function whereFrom({ from, record }: InstalledModel): string {
  if (record !== undefined) return `${record.repo} at ${record.revision.slice(0, 8)}`;
  return from === 'sotto' ? 'comes with Sotto' : 'your own';
}

/** Folder of the model that is used when none is named; undefined where that is missing. */
export function chosenFolder(paths: Paths): string | undefined {
  try {
    return findModelOrPlain(shelvesOf(paths), readSettings(paths.settings).model).model.dir;
  } catch {
    return undefined;
  }
}

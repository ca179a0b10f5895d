/** `sotto models list`: installed and available models. */
import { modelDirs, type Paths } from '../../paths.js';
import { readSettings } from '../../settings.js';
import type { ModelRef } from '../../protocol/ipc.js';
import type { ModelTask } from '../../protocol/model-tasks.js';
import type { ModelStatus } from '../../protocol/status.js';
import {
  CATALOGUE,
  describeMachine,
  isEnglishOnly,
  recommendedLanguages,
  recommendedModel,
  recommendedSizes,
  thisMachine,
  wordErrorRate,
  type CatalogueEntry,
  type Machine,
} from '../../store/catalogue/index.js';
import { chosenModels, englishModel, tasksChosen } from '../../store/chosen-model.js';
import { formatBytes } from '../../store/download/format-bytes.js';
import {
  installedModels,
  partialDownloads,
  type InstalledModel,
  type PartialDownload,
} from '../../store/installed-models.js';
import type { KnownModel } from '../../store/model-descriptions.js';
import { describedModels } from './described-models.js';
import { describeState, statesInDaemon } from './query-daemon.js';
import { modelTable, terminalColumns } from './model-table.js';
import { styleFor, wantsColor, type Style } from '../terminal/style.js';

export async function listModels(
  paths: Paths,
  { all, json }: { readonly all: boolean; readonly json: boolean },
  machine: Machine = thisMachine(paths.machine),
): Promise<number> {
  const installed = await installedModels(modelDirs(paths));
  const partial = await partialDownloads(paths.models);
  const recommended = recommendedModel(machine);
  const chosen = chosenModels(modelDirs(paths), paths.settings);
  const english = includedEnglish(paths);
  const known = await describedModels(paths).of(installed.map(({ dir }) => dir));
  const states = await statesInDaemon(paths);
  if (json) {
    const output = {
      chosen: chosen.get('transcribe')?.dir,
      // Of dictation.
      english: english?.dir,
      machine,
      recommended: recommended.name,
      installed: installed.map((model) => ({
        ...model,
        tasks: known.get(model.dir)?.tasks ?? [],
        languages: known.get(model.dir)?.languages ?? [],
        chosenFor: tasksChosen(chosen, model.dir),
      })),
      partial,
      // From a running daemon.
      states: [...states.values()],
      catalogue: CATALOGUE,
    };
    process.stdout.write(`${JSON.stringify(output)}\n`);
    return 0;
  }
  const view = { columns: terminalColumns(), style: styleFor(wantsColor(process.stdout)) };
  put(installedText({ installed, chosen, english, known, states }, view));
  for (const download of partial) put(partialText(download, states.get(download.name)));
  const present = new Set(installed.map(({ name }) => name));
  const shown = all ? CATALOGUE : shownEntries(machine);
  const others = shown.filter(({ name }) => !present.has(name));
  put(availableText(others, recommended, machine, view));
  const more = CATALOGUE.filter(({ name }) => !present.has(name)).length - others.length;
  if (more > 0) put(`${view.style.dim(`${more} more: \`sotto models list --all\``)}\n`);
  put(`\n${adviceText(recommended, machine, present)}\n`);
  return 0;
}

/** For any language in several sizes, then the models that suit some languages better. */
function shownEntries(machine: Machine): CatalogueEntry[] {
  const better = machine.hasGpu ? [...recommendedLanguages(machine).keys()] : [];
  return [...recommendedSizes(machine), ...CATALOGUE.filter(({ name }) => better.includes(name))];
}

interface View {
  /** Width of the terminal; unlimited if undefined. */
  readonly columns: number | undefined;
  readonly style: Style;
}

interface Installed {
  readonly installed: readonly InstalledModel[];
  readonly chosen: ReadonlyMap<ModelTask, ModelRef>;
  /** The model for English dictation. */
  readonly english: ModelRef | undefined;
  readonly known: ReadonlyMap<string, KnownModel>;
  readonly states: ReadonlyMap<string, ModelStatus>;
}

function installedText(
  { installed, chosen, english, known, states }: Installed,
  { columns, style }: View,
): string {
  const hasStates = installed.some(({ name }) => describeState(states.get(name)) !== '');
  const hasOtherTasks = [...known.values()].some(({ tasks }) => tasks.some((task) => task !== 'transcribe'));
  const rows = installed.map((model) => [
    `${tasksChosen(chosen, model.dir).length > 0 ? '*' : ' '} ${model.name}`,
    formatBytes(model.bytes).padStart(8),
    ...(hasOtherTasks ? [tasksText(known.get(model.dir)?.tasks ?? [], tasksChosen(chosen, model.dir))] : []),
    ...(hasStates ? [describeState(states.get(model.name))] : []),
    errorsText(model.name),
    originText(model, english),
  ]);
  const hasDefault = rows.some(([name]) => name?.startsWith('*'));
  const heads = [
    '  NAME',
    '    SIZE',
    ...(hasOtherTasks ? ['TASKS'] : []),
    ...(hasStates ? ['DAEMON'] : []),
    'WORDS WRONG',
    'FROM',
  ];
  const title = `${style.bold('Installed')}${hasDefault ? style.dim('  (* default)') : ''}`;
  return `${title}\n${modelTable(heads, rows, columns, style)}`;
}

/** `transcribe, speak*`: a star marks the tasks for which it is chosen. */
function tasksText(tasks: readonly ModelTask[], chosen: readonly ModelTask[]): string {
  return tasks.map((task) => `${task}${chosen.includes(task) ? '*' : ''}`).join(', ');
}

function partialText({ name, downloadedBytes, totalBytes }: PartialDownload, status?: ModelStatus): string {
  const part = `${formatBytes(downloadedBytes)} of ${formatBytes(totalBytes)}`;
  const isDownloading = status?.state === 'downloading' || status?.state === 'verifying';
  const next = isDownloading
    ? 'downloading'
    : `resume: \`sotto models pull\`, discard: \`sotto models prune\``;
  return `  ${name}: ${part}; ${next}\n`;
}

function availableText(
  entries: readonly CatalogueEntry[],
  recommended: CatalogueEntry,
  { hasGpu }: Machine,
  { columns, style }: View,
): string {
  const rows = entries.map((entry) => {
    const { name, bytes, bytesSource, memoryBytes, languages, speed, repo } = entry;
    return [
      // Without a GPU the included model is the best choice.
      `${hasGpu && entry === recommended ? '→' : ' '} ${name}`,
      `${bytesSource === 'estimated' ? '~' : ''}${formatBytes(bytes)}`.padStart(8),
      `~${formatBytes(memoryBytes)}`.padStart(8),
      errorsText(name),
      isEnglishOnly(entry) ? 'English' : languages.length === 0 ? 'many' : String(languages.length),
      speed,
      repo,
    ];
  });
  const heads = ['  NAME', '    SIZE', '  MEMORY', 'WORDS WRONG', 'LANGUAGES', 'SPEED', 'FROM'];
  return `\n${style.bold('Available')}\n${modelTable(heads, rows, columns, style)}`;
}

function adviceText(recommended: CatalogueEntry, machine: Machine, present: ReadonlySet<string>): string {
  const legend = 'Words wrong: of 100, in 43 test recordings. ~ = estimate.';
  if (!machine.hasGpu) return `${legend}\nWithout a GPU, the included model is the best choice.`;
  const arrow = `→ recommended for this machine (${describeMachine(machine)}).`;
  if (present.has(recommended.name)) return `${legend}\n${recommended.name} is recommended and installed.`;
  return `${arrow} ${legend}\nDownload it: \`sotto models pull ${recommended.aliases[0] ?? recommended.name}\``;
}

/** `13.6%`, or a dash if it was not measured. */
function errorsText(name: string): string {
  const errors = wordErrorRate(name);
  return errors === undefined ? '–' : `${errors.toFixed(1)}%`;
}

function put(text: string): void {
  process.stdout.write(text);
}

function originText({ dir, from, record }: InstalledModel, english: ModelRef | undefined): string {
  if (record !== undefined) return `${record.repo} at ${record.revision.slice(0, 8)}`;
  if (from !== 'sotto') return 'your own';
  return dir === english?.dir ? 'included; used for English dictation' : 'included';
}

/** The model for English dictation, if none is chosen. */
function includedEnglish(paths: Paths): ModelRef | undefined {
  try {
    return englishModel(modelDirs(paths), readSettings(paths.settings));
  } catch {
    // The command that needs the settings reports it.
    return undefined;
  }
}

/** `sotto models info`: details of an installed or available model, without loading its weights. */
import { modelDirs, type Paths } from '../../paths.js';
import type { ModelTask } from '../../protocol/model-tasks.js';
import { SottoError } from '../../protocol/errors.js';
import type { FootprintBytes } from '../../protocol/model-process.js';
import { CATALOGUE, catalogueEntry, licenseText, type CatalogueEntry } from '../../store/catalogue/index.js';
import { formatBytes } from '../../store/download/format-bytes.js';
import { readRecord } from '../../store/download/model-record.js';
import { folderBytes } from '../../store/download/download-folder.js';
import { findModel } from '../../store/find-model.js';
import { chosenModels, tasksChosen } from '../../store/chosen-model.js';
import { describedModels } from './described-models.js';
import type { KnownModel } from '../../store/model-descriptions.js';
import { modelArgument } from '../../store/model-argument.js';
import { labeledRows } from '../terminal/labeled-rows.js';
import { describeState, statesInDaemon } from './query-daemon.js';

const MAX_NAMED_LANGUAGES = 8;

export async function modelInfo(paths: Paths, name: string, json: boolean): Promise<number> {
  const installed = findInstalled(paths, name);
  const record = installed === undefined ? undefined : readRecord(installed.dir);
  const entry =
    record === undefined ? catalogueEntry(name) : CATALOGUE.find(({ repo }) => repo === record.repo);
  const bytes = installed === undefined ? undefined : await folderBytes(installed.dir);
  const dirs = modelDirs(paths);
  const chosenFor =
    installed === undefined ? [] : tasksChosen(chosenModels(dirs, paths.settings), installed.dir);
  const { tasks, languages } = (installed === undefined ? entry : await knownOf(paths, installed.dir)) ?? {
    tasks: [],
    languages: [],
  };
  const footprint = installed === undefined ? undefined : await predictedFootprint(installed.dir);
  const status = (await statesInDaemon(paths)).get(installed?.name ?? entry?.name ?? name);
  if (json) {
    const output = {
      ...installed,
      bytes,
      isChosen: chosenFor.includes('transcribe'),
      tasks,
      languages,
      chosenFor,
      footprint,
      status,
      record,
      catalogue: entry,
    };
    process.stdout.write(`${JSON.stringify(output)}\n`);
    return 0;
  }
  const inDaemon = describeState(status);
  const rows: [string, string][] = [
    ['name', installed?.name ?? entry?.name ?? name],
    ...(entry === undefined ? [] : catalogueRows(entry)),
    ...(tasks.length === 0 ? [] : [['tasks', tasks.join(', ')] as [string, string]]),
    ...(languages.length === 0 ? [] : [['languages', languagesText(languages)] as [string, string]]),
    ...(footprint === undefined ? [] : [['memory', footprintText(footprint)] as [string, string]]),
    ...(inDaemon === '' ? [] : [['daemon', inDaemon] as [string, string]]),
    ...(record === undefined ? [] : [['from', `${record.repo} at ${record.revision}`] as [string, string]]),
    ...(record === undefined ? [] : [['downloaded', record.pulledAt] as [string, string]]),
    [
      'installed',
      installed === undefined
        ? `no: \`sotto models pull ${name}\``
        : `${formatBytes(bytes ?? 0)} in ${installed.dir}${chosenText(chosenFor)}`,
    ],
    ...(record?.files ?? []).map((file): [string, string] => [
      file.name,
      `sha256 ${file.sha256}  ${formatBytes(file.bytes)}`,
    ]),
  ];
  process.stdout.write(labeledRows(rows));
  return 0;
}

/** ` (default)`; ` (chosen to speak)` */
function chosenText(chosenFor: readonly ModelTask[]): string {
  const others = chosenFor.filter((task) => task !== 'transcribe');
  const roles = [
    ...(chosenFor.includes('transcribe') ? ['default'] : []),
    ...others.map((task) => `chosen for ${task}`),
  ];
  return roles.length === 0 ? '' : ` (${roles.join(', ')})`;
}

async function knownOf(paths: Paths, dir: string): Promise<KnownModel | undefined> {
  return (await describedModels(paths).of([dir])).get(dir);
}

/** Names of a few, the number of many. */
function languagesText(languages: readonly string[]): string {
  if (languages.length > MAX_NAMED_LANGUAGES) return String(languages.length);
  const names = new Intl.DisplayNames('en', { type: 'language' });
  return languages.map((code) => names.of(code) ?? code).join(', ');
}

function catalogueRows(entry: CatalogueEntry): [string, string][] {
  const about = entry.bytesSource === 'estimated' ? 'about ' : '';
  return [
    [
      'model',
      `${entry.title}, ${(entry.parameters / 1e6).toFixed(0)} million parameters, ${entry.precision}`,
    ],
    [
      'repository',
      `${entry.repo}${entry.revision === undefined ? ', newest revision' : ` at ${entry.revision}`}`,
    ],
    ['download', `${about}${formatBytes(entry.bytes)}`],
    ['memory', `about ${formatBytes(entry.memoryBytes)} while transcribing`],
    ['speed', entry.speed],
    ['license', licenseText(entry)],
  ];
}

/** Predicted from the file headers; undefined for a broken model, which `verify` reports. */
async function predictedFootprint(dir: string): Promise<FootprintBytes | undefined> {
  const { predictFootprint } = await import('../../supervisor/model-tool-process.js');
  return predictFootprint(dir, new AbortController().signal).catch(() => undefined);
}

function footprintText({ weightBytes, workBytes }: FootprintBytes): string {
  const all = formatBytes(weightBytes + workBytes);
  return `${all} while transcribing: ${formatBytes(weightBytes)} for weights, ${formatBytes(workBytes)} for a window`;
}

/** Undefined for a catalogue model that is not installed. @throws SottoError MODEL_NOT_FOUND */
function findInstalled(paths: Paths, name: string): { name: string; dir: string } | undefined {
  try {
    return findModel(modelDirs(paths), modelArgument(name, paths));
  } catch (error) {
    if (error instanceof SottoError && catalogueEntry(name) !== undefined) return undefined;
    throw error;
  }
}

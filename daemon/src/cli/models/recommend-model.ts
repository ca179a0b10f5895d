/** `sotto models recommend`: the model that suits this machine and a language, and the figure it rests on. */
import { modelDirs, type Paths } from '../../paths.js';
import { defined } from '../../protocol/defined.js';
import { SottoError } from '../../protocol/errors.js';
import { readSettings } from '../../settings.js';
import {
  describeMachine,
  licenseText,
  percentText,
  publishedErrors,
  recommendedFor,
  recommendedLanguages,
  recommendedModel,
  thisMachine,
  unquantizedFormOf,
  wordErrorRate,
  type CatalogueEntry,
  type Machine,
  type PublishedErrors,
} from '../../store/catalogue/index.js';
import { formatBytes } from '../../store/download/format-bytes.js';
import { chosenModels, englishModel } from '../../store/chosen-model.js';
import { findModel } from '../../store/find-model.js';
import { installedModels, type InstalledModel } from '../../store/installed-models.js';
import { labeledRows } from '../terminal/labeled-rows.js';
import { describedModels } from './described-models.js';

const MAX_NAMED_LANGUAGES = 3;

interface Recommendation {
  readonly name: string;
  /** Absent for the included model, which is in no catalogue. */
  readonly entry?: CatalogueEntry;
  readonly installed?: InstalledModel;
  /** Measured word errors in %. */
  readonly wordErrorRate?: number;
  readonly published?: PublishedErrors;
}

/**
 * @param language a code, `de`; any language if omitted
 * @returns the exit code
 * @throws SottoError MODEL_NOT_FOUND if the catalogue has no model for the language
 */
export async function recommend(
  paths: Paths,
  { language, json }: { readonly language?: string; readonly json: boolean },
  machine: Machine = thisMachine(paths.machine),
): Promise<number> {
  const found =
    (await includedModel(paths, machine, language)) ?? (await fromCatalogue(paths, machine, language));
  const isChosen =
    found.installed !== undefined &&
    chosenModels(modelDirs(paths), paths.settings).get('transcribe')?.dir === found.installed.dir;
  const output = json
    ? JSON.stringify({ machine, ...defined({ language }), ...found, isChosen })
    : `${text(found, machine, language)}\n${isChosen ? 'It is the default model.' : useText(found)}` +
      (language === undefined ? otherModelsText(machine) : '') +
      ((language ?? 'en') === 'en' ? dictationText(paths) : '');
  process.stdout.write(`${output}\n`);
  return 0;
}

/** Without a GPU, the included model is the best that keeps up. */
async function includedModel(
  paths: Paths,
  { hasGpu }: Machine,
  language: string | undefined,
): Promise<Recommendation | undefined> {
  if (hasGpu) return undefined;
  const starter = findModel(modelDirs(paths), undefined);
  const included = (await installedModels(modelDirs(paths)))
    .filter(({ from }) => from === 'sotto')
    .sort((a, b) => Number(b.dir === starter.dir) - Number(a.dir === starter.dir));
  const known = await describedModels(paths).of(included.map(({ dir }) => dir));
  const suits = included.find(({ dir }) => {
    const { tasks = [], languages = [] } = known.get(dir) ?? {};
    return tasks.includes('transcribe') && (language === undefined || languages.includes(language));
  });
  if (suits === undefined) return undefined;
  return { name: suits.name, installed: suits, ...figuresOf(suits.name) };
}

async function fromCatalogue(
  paths: Paths,
  machine: Machine,
  language: string | undefined,
): Promise<Recommendation> {
  const entry = language === undefined ? recommendedModel(machine) : recommendedFor(machine, language);
  if (entry === undefined)
    throw new SottoError(
      'MODEL_NOT_FOUND',
      `no model of the catalog recognizes the language ${language ?? ''}`,
      {
        hint: 'give a code such as en or de',
      },
    );
  const installed = (await installedModels(modelDirs(paths))).find(
    (model) => model.entry === entry || model.name === entry.name,
  );
  return { name: entry.name, entry, ...defined({ installed }), ...figuresOf(entry.name, entry, language) };
}

function figuresOf(
  name: string,
  entry?: CatalogueEntry,
  language?: string,
): Pick<Recommendation, 'wordErrorRate' | 'published'> {
  const original = entry === undefined ? undefined : (unquantizedFormOf(entry) ?? entry);
  return defined({
    wordErrorRate: wordErrorRate(name),
    published: original === undefined ? undefined : publishedErrors(original.name, language),
  });
}

function text(found: Recommendation, machine: Machine, language: string | undefined): string {
  const { name, entry, installed } = found;
  const rows: [string, string][] = [
    [
      'model',
      `${name}${installed === undefined ? '' : installed.from === 'sotto' ? ' (included)' : ' (installed)'}`,
    ],
    ['for', `${languageName(language)} on this machine (${describeMachine(machine)})`],
    ['words wrong', errorsText(found)],
  ];
  if (entry !== undefined)
    rows.push(
      ['download', `${entry.bytesSource === 'estimated' ? 'about ' : ''}${formatBytes(entry.bytes)}`],
      ['memory', `about ${formatBytes(entry.memoryBytes)} while transcribing`],
      ['license', licenseText(entry)],
    );
  return labeledRows(rows);
}

/** The included model for English dictation, unless it is turned off. */
function dictationText(paths: Paths): string {
  const english = englishModel(modelDirs(paths), readSettings(paths.settings));
  if (english === undefined) return '';
  return (
    `\nEnglish dictation uses ${english.name} until you choose a model: of 100 words of dictated English recordings it ` +
    'gets 10.0 wrong, whisper-base-6bit 14.7.'
  );
}

function useText({ name, entry, installed }: Recommendation): string {
  const wanted = entry?.aliases[0] ?? name;
  const pull = installed === undefined ? `sotto models pull ${wanted} && ` : '';
  return `Use it: \`${pull}sotto models use ${installed?.name ?? wanted}\``;
}

/** The models that suit some languages better. */
function otherModelsText(machine: Machine): string {
  if (!machine.hasGpu) return '';
  return [...recommendedLanguages(machine)]
    .map(([name, languages]) => {
      const [first = ''] = languages;
      const errors = publishedErrors(name, languages.length === 1 ? first : undefined);
      const figure = errors === undefined ? '' : ` (${percentText(errors.percent)}%, ${errors.source})`;
      return `\nBetter for ${languageNames(languages)}: ${name}${figure}. See \`sotto models recommend --language ${first}\``;
    })
    .join('');
}

function errorsText({ wordErrorRate: measured, published }: Recommendation): string {
  const texts = [
    ...(measured === undefined ? [] : [`${measured.toFixed(1)}%, measured on 43 recordings in 8 languages`]),
    ...(published === undefined
      ? []
      : [`${percentText(published.percent)}%, published (${published.source}), not measured here`]),
  ];
  return texts.length === 0 ? 'not measured' : texts.join('; ');
}

/** `German, Spanish, Russian and 14 more` */
function languageNames(languages: readonly string[]): string {
  const shown = languages.slice(0, MAX_NAMED_LANGUAGES).map((code) => languageName(code));
  const rest = languages.length - shown.length;
  return `${shown.join(', ')}${rest === 0 ? '' : ` and ${rest} more`}`;
}

function languageName(language: string | undefined): string {
  return language === undefined
    ? 'any language'
    : (new Intl.DisplayNames('en', { type: 'language' }).of(language) ?? language);
}

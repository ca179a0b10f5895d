import { defined, type ModelsList, type ModelStatus, type ModelTask } from 'sotto/protocol';

type Installed = ModelsList['installed'][number];
type Partial = ModelsList['partial'][number];
type CatalogueModel = ModelsList['catalogue'][number];

export interface ModelRow {
  /** The name in requests to the daemon. */
  readonly name: string;
  readonly title: string;
  readonly place: 'installed' | 'downloading' | 'partial' | 'available';
  readonly status: ModelStatus;
  /** Size on disk, or of the download. */
  readonly bytes: number | undefined;
  readonly installed?: Installed;
  /** An unfinished download. */
  readonly partial?: Partial;
  readonly catalogue?: CatalogueModel;
  /** What it can do; empty if that is unknown. */
  readonly tasks: readonly ModelTask[];
  /** Codes; empty if they are unknown. */
  readonly languages: readonly string[];
  /** The tasks that it does for requests that name no model. */
  readonly chosenFor: readonly ModelTask[];
  /** The best model for the memory of this Mac. */
  readonly isRecommended: boolean;
  /** Codes of the languages for which it is a better choice on this Mac than the recommended model. */
  readonly recommendedFor: readonly string[];
}

export type States = ReadonlyMap<string, ModelStatus>;

/** Installed models first (the chosen ones, then by title), then downloads, then the rest in the catalogue's order. */
export function rowsOf(list: ModelsList, states: States): ModelRow[] {
  const installedRows = list.installed.map((installed) => {
    const entry = list.catalogue.find(({ name }) => name === (installed.catalogue ?? installed.name));
    return row(list, states, installed.name, 'installed', entry, {
      status: installed.status,
      bytes: installed.bytes,
      installed,
    });
  });
  const usedNames = new Set(installedRows.map(({ name }) => name));
  const isUnused = (name: string | undefined): name is string => name !== undefined && !usedNames.has(name);

  const partials = list.partial.filter(({ name }) => isUnused(name));
  const transferring = [...states.values()].filter(
    ({ name, state }) => isUnused(name) && isTransferring(state),
  );
  const names = [
    ...new Set([...partials, ...transferring].flatMap(({ name }) => (name === undefined ? [] : [name]))),
  ];
  const downloadingRows = names.map((name) => {
    const partial = partials.find((one) => one.name === name);
    const status = states.get(name) ?? partial?.status ?? { name, state: 'absent' };
    const entry = list.catalogue.find((one) => one.name === name);
    return row(list, states, name, isTransferring(status.state) ? 'downloading' : 'partial', entry, {
      status,
      bytes: partial?.totalBytes ?? entry?.bytes,
      ...defined({ partial }),
    });
  });
  for (const name of names) usedNames.add(name);

  const availableRows = list.catalogue
    .filter(({ name }) => isUnused(name))
    .map((entry) =>
      row(list, states, entry.name, 'available', entry, {
        status: { name: entry.name, state: 'absent' },
        bytes: entry.bytes,
      }),
    );
  const rank = ({ isRecommended, recommendedFor }: ModelRow): number =>
    isRecommended ? 0 : recommendedFor.length > 0 ? 1 : 2;
  const first = (a: boolean, b: boolean): number => Number(b) - Number(a);
  return [
    ...installedRows.sort((a, b) => first(isChosen(a), isChosen(b)) || a.title.localeCompare(b.title)),
    ...downloadingRows.sort((a, b) => a.title.localeCompare(b.title)),
    ...availableRows.sort((a, b) => rank(a) - rank(b)),
  ];
}

/** Whether it transcribes only English. */
export function isEnglishOnly({ languages }: Pick<ModelRow, 'languages'>): boolean {
  return languages.length === 1 && languages[0] === 'en';
}

/** A model whose tasks are unknown may transcribe. */
export function transcribes({ tasks }: Pick<ModelRow, 'tasks'>): boolean {
  return tasks.length === 0 || tasks.includes('transcribe');
}

export function isChosen({ chosenFor }: ModelRow): boolean {
  return chosenFor.length > 0;
}

/** All tasks of these models, in the order of the rows. */
export function tasksIn(rows: readonly ModelRow[]): ModelTask[] {
  return [...new Set(rows.flatMap(({ tasks }) => tasks))];
}

export function isTransferring(state: ModelStatus['state']): boolean {
  return state === 'downloading' || state === 'verifying';
}

/** Whether it uses memory, or is about to. */
export function isInMemory({ state }: ModelStatus): boolean {
  return state === 'loading' || state === 'warming' || state === 'ready';
}

/** `owner/name` on the Hugging Face Hub. */
export function isRepository(text: string): boolean {
  return /^[A-Za-z0-9][\w.-]*\/[A-Za-z0-9][\w.-]*$/.test(text.trim());
}

export function repositoryName(repository: string): string {
  return repository.slice(repository.indexOf('/') + 1);
}

function row(
  { recommended, catalogue }: ModelsList,
  states: States,
  name: string,
  place: ModelRow['place'],
  entry: CatalogueModel | undefined,
  details: Pick<ModelRow, 'status' | 'bytes' | 'installed' | 'partial'>,
): ModelRow {
  return {
    ...details,
    name,
    place,
    title: entry?.title ?? titleOf(catalogue, name),
    status: states.get(name) ?? details.status,
    tasks: details.installed?.tasks ?? entry?.tasks ?? [],
    languages: details.installed?.languages ?? entry?.languages ?? [],
    chosenFor: details.installed?.chosenFor ?? [],
    isRecommended: entry?.name === recommended,
    recommendedFor: entry?.recommendedFor ?? [],
    ...defined({ catalogue: entry }),
  };
}

/** Of models that come with Sotto and can’t be downloaded. */
const INCLUDED_TITLES: Readonly<Record<string, string>> = { 'lyra-v2': 'Lyra V2' };

/** `whisper-base-6bit` is “Whisper base, 6 bit”: quantized on this Mac, or the included model. */
function titleOf(catalogue: readonly CatalogueModel[], name: string): string {
  const [, plain, bits] = /^(.+)-(\d)bit$/.exec(name) ?? [];
  const entry = catalogue.find(({ name: known }) => known === plain);
  return entry === undefined ? (INCLUDED_TITLES[name] ?? name) : `${entry.title}, ${bits} bit`;
}

/** Finds the directory of a model by the name that the user gives. */
import { readdirSync, statSync, type Stats } from 'node:fs';
import { basename, isAbsolute, join, resolve } from 'node:path';
import { didYouMean } from '../did-you-mean.js';
import { SottoError } from '../protocol/errors.js';
import { fileError, MODEL_FILE } from '../protocol/file-errors.js';
import type { ModelRef } from '../protocol/ipc.js';
import { CATALOGUE, catalogueEntry, unquantizedFormOf } from './catalogue/index.js';
import { formatBytes } from './download/format-bytes.js';
import { readRecord } from './download/model-record.js';
import { parseRepo } from './download/model-source.js';
import { includedModels } from './included-models.js';

export interface ModelDirs {
  /** The user's models. */
  readonly models: string;
  /** The models that ship with Sotto; the first one is the starter model unless a manifest names another. */
  readonly bundled: string;
}

/**
 * Finds a model by name (the user's before the bundled ones), by an alias of the catalogue, by the repository that
 * it was pulled from, or by absolute path; the starter model if `wanted` is left out. The model isn't checked: a
 * damaged one shows when it is loaded.
 * @throws SottoError MODEL_NOT_FOUND, MODEL_UNREADABLE
 */
export function findModel(dirs: ModelDirs, wanted: string | undefined): ModelRef {
  if (wanted === undefined) return starterModel(dirs);
  // Normalized, without `.`, `..` and a trailing slash, so that a directory has one name.
  if (isAbsolute(wanted)) return folderModel(resolve(wanted));
  const found = namedModel(dirs, wanted) ?? pulledModel(dirs, wanted);
  if (found !== undefined) return found;
  throw missing(dirs, wanted);
}

/** A model, and the one that it replaces. */
export interface ModelMatch {
  readonly model: ModelRef;
  readonly fallbackFor?: { readonly name: string; readonly error: SottoError };
}

/**
 * As `findModel`. If a quantized model of the catalogue isn't installed but its float16 form is, returns that one
 * and says so.
 * @throws SottoError MODEL_NOT_FOUND
 */
export function findModelWithFallback(dirs: ModelDirs, wanted: string | undefined): ModelMatch {
  try {
    return { model: findModel(dirs, wanted) };
  } catch (error) {
    const entry = wanted === undefined ? undefined : catalogueEntry(wanted);
    const plain = entry === undefined ? undefined : unquantizedFormOf(entry);
    const model = plain === undefined ? undefined : namedModel(dirs, plain.name);
    if (model === undefined || entry === undefined) throw error;
    return { model, fallbackFor: { name: entry.name, error: SottoError.from(error) } };
  }
}

/** How the settings name a model: by its name if that finds it, by its directory otherwise. */
export function settingFor(dirs: ModelDirs, { name, dir }: ModelRef): string {
  return namedModel(dirs, name)?.dir === dir ? name : dir;
}

function namedModel(dirs: ModelDirs, wanted: string): ModelRef | undefined {
  // Plain names, which can't leave the two directories.
  for (const name of [wanted, catalogueEntry(wanted)?.name]) {
    if (name === undefined || !/^[A-Za-z0-9][A-Za-z0-9._-]*$/.test(name)) continue;
    for (const modelsDir of [dirs.models, dirs.bundled]) {
      const dir = join(modelsDir, name);
      if (isFolder(dir)) return { name, dir };
    }
  }
  return undefined;
}

function pulledModel({ models }: ModelDirs, wanted: string): ModelRef | undefined {
  const source = parseRepo(wanted);
  if (source === undefined) return undefined;
  for (const name of folders(models)) {
    const dir = join(models, name);
    const record = readRecord(dir);
    if (record?.repo !== source.repo) continue;
    if (source.revision === undefined || source.revision === record.revision) return { name, dir };
  }
  return undefined;
}

function missing(dirs: ModelDirs, wanted: string): SottoError {
  const entry = catalogueEntry(wanted);
  if (entry !== undefined || parseRepo(wanted) !== undefined) {
    const size = entry === undefined ? '' : ` (${formatBytes(entry.bytes)})`;
    return new SottoError('MODEL_NOT_FOUND', `${wanted} isn't downloaded`, {
      hint: `download it with \`sotto models pull ${wanted}\`${size}; ${namesHint(dirs)}`,
    });
  }
  const known = [...modelNames(dirs), ...CATALOGUE.flatMap(({ name, aliases }) => [name, ...aliases])];
  const guess = didYouMean(wanted, known);
  const isName = /^[A-Za-z0-9][A-Za-z0-9._-]*$/.test(wanted);
  return new SottoError(
    'MODEL_NOT_FOUND',
    isName
      ? `there is no model named ${wanted.slice(0, 80)}`
      : `${JSON.stringify(wanted.slice(0, 80))} is not a model name`,
    { hint: guess === undefined ? namesHint(dirs) : `${guess} \`sotto models list --all\` lists all` },
  );
}

/** Names that `findModel` would find. */
export function modelNames(dirs: ModelDirs): string[] {
  return [...new Set([...folders(dirs.models), ...folders(dirs.bundled)])].sort();
}

function starterModel(dirs: ModelDirs): ModelRef {
  const { starter } = includedModels(dirs.bundled);
  if (starter !== undefined) return starter;
  const name = folders(dirs.bundled)[0];
  if (name === undefined) {
    throw new SottoError('MODEL_NOT_FOUND', `the starter model is missing from ${dirs.bundled}`, {
      hint: 'reinstall Sotto, or pass a model folder with --model',
    });
  }
  return { name, dir: join(dirs.bundled, name) };
}

function folderModel(dir: string): ModelRef {
  let stats: Stats | undefined;
  try {
    stats = statSync(dir, { throwIfNoEntry: false });
  } catch (error) {
    throw fileError(dir, error, MODEL_FILE);
  }
  if (stats === undefined) throw new SottoError('MODEL_NOT_FOUND', `folder not found: ${dir}`);
  if (!stats.isDirectory()) {
    throw new SottoError('MODEL_NOT_FOUND', `${dir} is a file, not a model folder`, {
      hint: 'pass the folder that contains config.json and the weights',
    });
  }
  return { name: basename(dir), dir };
}

function namesHint(dirs: ModelDirs): string {
  const names = modelNames(dirs);
  return names.length === 0
    ? 'pass a model folder'
    : `installed: ${names.join(', ')}; or pass a model folder`;
}

function isFolder(path: string): boolean {
  try {
    return statSync(path).isDirectory();
  } catch {
    // A broken or circular link isn't a model, and must not hide the others.
    return false;
  }
}

function folders(modelsDir: string): string[] {
  try {
    return readdirSync(modelsDir)
      .filter((name) => !name.startsWith('.') && isFolder(join(modelsDir, name)))
      .sort();
  } catch {
    return [];
  }
}

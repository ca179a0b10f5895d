/** Resolves a requested name to a repository on the Hub and a directory name. */
import { SottoError } from '../../protocol/errors.js';
import { catalogueEntry, type CatalogueEntry } from '../catalogue/index.js';
import { defined } from '../../protocol/defined.js';

export interface ModelSource {
  /** `owner/name`. */
  readonly repo: string;
  /** Branch, tag or commit; the newest commit if left out. */
  readonly revision?: string;
  /** Default name of its directory. */
  readonly name: string;
  readonly entry?: CatalogueEntry;
}

const PART = '[A-Za-z0-9](?:[A-Za-z0-9._-]{0,94}[A-Za-z0-9_])?';
const REPO = new RegExp(`^(${PART})/(${PART})(?:@([A-Za-z0-9][A-Za-z0-9._/-]{0,99}))?$`);

/** `owner/name` or `owner/name@revision`; undefined for anything else. */
export function parseRepo(text: string): Omit<ModelSource, 'entry'> | undefined {
  const match = REPO.exec(text);
  const [, owner, name, revision] = match ?? [];
  if (
    owner === undefined ||
    name === undefined ||
    /\.\.|--/.test(`${owner}/${name}`) ||
    revision?.includes('..')
  )
    return undefined;
  return { repo: `${owner}/${name}`, name, ...defined({ revision }) };
}

/** @throws SottoError MODEL_NOT_FOUND */
export function modelSource(wanted: string): ModelSource {
  const [known = '', revision] = wanted.split('@', 2);
  const entry = catalogueEntry(known);
  if (entry !== undefined) {
    const chosen = revision ?? entry.revision;
    return { repo: entry.repo, name: entry.name, entry, ...defined({ revision: chosen }) };
  }
  const repo = parseRepo(wanted);
  if (repo !== undefined) return repo;
  throw new SottoError('MODEL_NOT_FOUND', `unknown model ${JSON.stringify(wanted.slice(0, 80))}`, {
    hint: 'use a name from `sotto models list`, or owner/name from Hugging Face',
  });
}

/** Whether a name is valid for a model directory. */
export function isModelName(name: string): boolean {
  return /^[A-Za-z0-9][A-Za-z0-9._-]{0,99}$/.test(name) && !name.endsWith('.');
}

import type { ModelsList } from 'sotto/protocol';
import { languageName } from './format';

export interface Language {
  readonly code: string;
  readonly name: string;
}

type Known = {
  readonly [K in 'installed' | 'catalogue']: readonly Pick<ModelsList[K][number], 'name' | 'languages'>[];
};

/**
 * The languages of a model, sorted by name.
 *
 * @param model its name; the languages of all models if it is unknown
 */
export function languagesOf({ installed, catalogue }: Known, model: string | undefined): Language[] {
  const own = installed.find(({ name }) => name === model)?.languages ?? [];
  const codes =
    own.length > 0 ? own : new Set([...installed, ...catalogue].flatMap(({ languages }) => languages));
  return [...codes]
    .map((code) => ({ code, name: code === 'jw' ? 'Javanese' : languageName(code) }))
    .sort((a, b) => a.name.localeCompare(b.name, 'en'));
}

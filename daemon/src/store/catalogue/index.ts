/** The models that Sotto knows by name. Any other model is pulled by `owner/name`, or used from its directory. */
import type { CatalogueEntry } from './catalogue-entry.js';
import { CATALOGUE } from './entries.js';

export { CATALOGUE } from './entries.js';
export { licenseText, type CatalogueEntry, type Precision, type SpeedClass } from './catalogue-entry.js';
export { describeMachine, type Machine, thisMachine } from './machine.js';
export { recommendedFor, recommendedLanguages, recommendedModel, recommendedSizes } from './recommend.js';
export { percentText, publishedErrors, wordErrorRate, type PublishedErrors } from './word-error-rates.js';

/** The model with this name or alias, ignoring case. */
export function catalogueEntry(name: string): CatalogueEntry | undefined {
  const wanted = name.toLowerCase();
  return CATALOGUE.find((entry) => entry.name === wanted || entry.aliases.includes(wanted));
}

export function isEnglishOnly({ languages }: Pick<CatalogueEntry, 'languages'>): boolean {
  return languages.length === 1 && languages[0] === 'en';
}

/** The float16 form of a quantized model of the catalogue. */
export function unquantizedFormOf({ precision, title }: CatalogueEntry): CatalogueEntry | undefined {
  const form = `, ${precision.replace('-', ' ')}`;
  if (precision === 'float16' || !title.endsWith(form)) return undefined;
  const plain = title.slice(0, -form.length);
  return CATALOGUE.find((entry) => entry.precision === 'float16' && entry.title === plain);
}

/** Recommends the best model of the catalogue that fits a machine's memory and keeps up with live speech. */
import type { CatalogueEntry } from './catalogue-entry.js';
import { decodeStepSeconds } from './decode-step-seconds.js';
import { gflopsOf, type Machine } from './machine.js';
import { CATALOGUE } from './entries.js';
import { publishedErrors } from './word-error-rates.js';

/**
 * A dictation model stays loaded all day next to the user's programs. It may use this share of the memory, which
 * the GPU of a Mac shares with everything else: 8 GB then get turbo in 4 bits, 16 GB in 8 bits, 24 GB in float16.
 */
const MAX_MEMORY_SHARE = 1 / 8;

/**
 * The longest decode step over live speech: half of the interval of 1 s between two steps, so that words arrive
 * within a second or two and the GPU has as much time for the screen.
 */
export const MAX_DECODE_STEP_SECONDS = 0.5;

/** A model for any language recognizes at least so many. */
const MIN_LANGUAGES = 90;

/** A model isn't recommended for a language in which more words are wrong, in %, as published. */
const MAX_PUBLISHED_ERRORS = 20;

/** From best to worst. */
const BEST_FIRST = [
  'parakeet-tdt-0.6b-v2',
  'parakeet-tdt-0.6b-v3',
  'whisper-large-v3-turbo',
  'whisper-large-v3-turbo-8bit',
  'whisper-large-v3-turbo-4bit',
  'whisper-small.en',
  'whisper-small',
  'whisper-small-8bit',
  'whisper-base.en',
  'whisper-base',
  'whisper-tiny.en',
  'whisper-tiny',
];
const BEST_FIRST_WITHOUT_GPU = ['whisper-base.en', 'whisper-base', 'whisper-tiny.en', 'whisper-tiny'];

/** For any language: models of one language aren't recommended. */
export function recommendedModel(machine: Machine): CatalogueEntry {
  const best = bestOf(candidatesFor(machine), machine);
  if (best === undefined) throw new RangeError('the catalogue lacks the models that it recommends');
  return best;
}

/** The languages for which each model is recommended, by its name; those of `recommendedModel` are missing. */
export function recommendedLanguages(machine: Machine): ReadonlyMap<string, readonly string[]> {
  const best = recommendedModel(machine);
  const found = new Map<string, string[]>();
  for (const language of best.languages) {
    const entry = recommendedFor(machine, language);
    if (entry === undefined || entry === best || entry.parameters === best.parameters) continue;
    found.set(entry.name, [...(found.get(entry.name) ?? []), language]);
  }
  return found;
}

/** @param language a code, `de`; undefined if no model of the catalogue recognizes it */
export function recommendedFor(machine: Machine, language: string): CatalogueEntry | undefined {
  return bestOf(candidatesFor(machine, language), machine);
}

/** The first that suits the machine, else the smallest. */
function bestOf(entries: readonly CatalogueEntry[], machine: Machine): CatalogueEntry | undefined {
  return entries.find((entry) => fits(entry, machine) && keepsUp(entry, machine)) ?? entries.at(-1);
}

/** The recommended model, and the best forms of smaller sizes for users who want a faster or smaller one. */
export function recommendedSizes(machine: Machine): CatalogueEntry[] {
  const best = recommendedModel(machine);
  const entries = candidatesFor(machine);
  const smaller = entries.slice(entries.indexOf(best) + 1);
  const sizes = new Map([best, ...smaller].reverse().map((entry) => [entry.parameters, entry]));
  return [...sizes.values()].reverse();
}

function candidatesFor({ hasGpu }: Machine, language?: string): CatalogueEntry[] {
  const order = hasGpu ? BEST_FIRST : BEST_FIRST_WITHOUT_GPU;
  return order
    .flatMap((name) => CATALOGUE.filter((entry) => entry.name === name))
    .filter((entry) => entry.isNonCommercial !== true && suits(entry, language));
}

function suits({ name, languages }: CatalogueEntry, language: string | undefined): boolean {
  if (language === undefined) return languages.length >= MIN_LANGUAGES;
  const { percent = 0 } = publishedErrors(name, language) ?? {};
  return languages.includes(language) && percent <= MAX_PUBLISHED_ERRORS;
}

function fits({ memoryBytes }: CatalogueEntry, machine: Machine): boolean {
  return memoryBytes <= machine.memoryBytes * MAX_MEMORY_SHARE;
}

/** Without a GPU, all candidates are small enough. */
function keepsUp(entry: CatalogueEntry, machine: Machine): boolean {
  return !machine.hasGpu || decodeStepSeconds(entry, gflopsOf(machine)) <= MAX_DECODE_STEP_SECONDS;
}

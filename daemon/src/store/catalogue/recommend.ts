/** Recommends the best model of the catalogue that fits a machine's memory and keeps up with live speech. */
import type { CatalogueEntry } from './catalogue-entry.js';
import { decodeStepSeconds } from './decode-step-seconds.js';
import { gflopsOf, type Machine } from './machine.js';
import { CATALOGUE } from './entries.js';

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

/** From best to worst. */
const BEST_FIRST = [
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
    .filter(({ languages }) =>
      language === undefined ? languages.length > 1 : languages.includes(language),
    );
}

function fits({ memoryBytes }: CatalogueEntry, machine: Machine): boolean {
  return memoryBytes <= machine.memoryBytes * MAX_MEMORY_SHARE;
}

/** Without a GPU, all candidates are small enough. */
function keepsUp(entry: CatalogueEntry, machine: Machine): boolean {
  return !machine.hasGpu || decodeStepSeconds(entry, gflopsOf(machine)) <= MAX_DECODE_STEP_SECONDS;
}

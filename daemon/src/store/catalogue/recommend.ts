/** Which model of the catalogue suits a machine. */
import { totalmem } from 'node:os';
import type { CatalogueEntry } from './entry.js';
import { WHISPER } from './whisper.js';

export interface Machine {
  readonly memoryBytes: number;
  /** Whether MLX has a GPU here: without one, only small models keep up with speech. */
  readonly hasGpu: boolean;
}

/**
 * A dictation model is there all day, beside what the user works with: it may have this part of the memory, which the
 * GPU of a Mac shares with everything else. 8 GB then take turbo in 4 bits, 16 GB in 8 bits, 24 GB in float16.
 */
const SHARE = 1 / 8;
const GIBIBYTE = 2 ** 30;

/** From the best down. English-only models are left to those who ask for them. */
const ORDER = [
  'whisper-large-v3-turbo',
  'whisper-large-v3-turbo-8bit',
  'whisper-large-v3-turbo-4bit',
  'whisper-small',
  'whisper-small-8bit',
  'whisper-base',
  'whisper-tiny',
];
const ORDER_WITHOUT_GPU = ['whisper-base', 'whisper-tiny'];

export function recommendedModel({ memoryBytes, hasGpu }: Machine): CatalogueEntry {
  const order = hasGpu ? ORDER : ORDER_WITHOUT_GPU;
  const entries = order.flatMap((name) => WHISPER.filter((entry) => entry.name === name));
  const fitting = entries.find((entry) => entry.memoryBytes <= memoryBytes * SHARE);
  const smallest = entries.at(-1);
  if (smallest === undefined) throw new RangeError('the catalogue lacks the models that it recommends');
  return fitting ?? smallest;
}

/** The recommended model, and the best forms of smaller sizes for those who want a faster or smaller one. */
export function recommendedSizes(machine: Machine): CatalogueEntry[] {
  const best = recommendedModel(machine);
  const order = machine.hasGpu ? ORDER : ORDER_WITHOUT_GPU;
  const smaller = order.slice(order.indexOf(best.name) + 1).flatMap((name) => {
    return WHISPER.filter((entry) => entry.name === name);
  });
  const sizes = new Map([best, ...smaller].reverse().map((entry) => [entry.parameters, entry]));
  return [...sizes.values()].reverse();
}

/**
 * This machine. `SOTTO_MACHINE=24GB,gpu` (or `16GB`) stands for another one: the Store's pictures are drawn on a Linux
 * machine, and show what a Mac is recommended.
 */
export function thisMachine(env: NodeJS.ProcessEnv = process.env): Machine {
  const [, gigabytes, gpu] = /^(\d+)GB(,gpu)?$/.exec(env.SOTTO_MACHINE ?? '') ?? [];
  if (gigabytes !== undefined)
    return { memoryBytes: Number(gigabytes) * GIBIBYTE, hasGpu: gpu !== undefined };
  return {
    memoryBytes: totalmem(),
    hasGpu: process.platform === 'darwin' && process.arch === 'arm64',
  };
}

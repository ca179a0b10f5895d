/**
 * `machine.json`: the speed of this machine's GPU, measured when the engine warms up a model. It only serves
 * recommendations: a file that is missing, damaged or of another machine is ignored.
 */
import { dirname } from 'node:path';
import { makeFolder } from '../make-folder.js';
import { TEXT_INPUT } from '../protocol/file-errors.js';
import { readSmallFile } from '../read-small-file.js';
import { appleChip } from './catalogue/chips.js';
import { writeFileAtomic } from './write-file-atomic.js';

const MAX_BYTES = 2 ** 16;
/** Far beyond any Mac's GPU: such a figure is damage. */
const MAX_GFLOPS = 1e6;
/** A smaller improvement isn't written. */
const MIN_IMPROVEMENT = 1.05;

/** The encoder's speed in 10⁹ operations a second; undefined if none was measured with this chip. */
export function readMachineSpeed(path: string, chip = appleChip()): number | undefined {
  try {
    const facts = JSON.parse(readSmallFile(path, MAX_BYTES, TEXT_INPUT)) as unknown;
    if (typeof facts !== 'object' || facts === null) return undefined;
    const { chip: of, gflops } = facts as { readonly chip?: unknown; readonly gflops?: unknown };
    return of === (chip ?? null) && isSpeed(gflops) ? gflops : undefined;
  } catch {
    return undefined;
  }
}

/**
 * Stores a measurement if it is better than the last one: a busy machine, as after a login, isn't a slower one.
 * @throws the error of the file system
 */
export async function keepMachineSpeed(path: string, gflops: number, chip = appleChip()): Promise<void> {
  if (!isSpeed(gflops) || gflops < MIN_IMPROVEMENT * (readMachineSpeed(path, chip) ?? 0)) return;
  makeFolder(dirname(path), 0o700);
  await writeFileAtomic(path, `${JSON.stringify({ chip: chip ?? null, gflops: Math.round(gflops) })}\n`);
}

function isSpeed(value: unknown): value is number {
  return typeof value === 'number' && value > 0 && value < MAX_GFLOPS;
}

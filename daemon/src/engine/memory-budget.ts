/** How much of the device's memory models may use, and how much a new one needs. */
import type { Footprint } from '#daemon/models/speech-model.js';
import { SottoError } from '#daemon/protocol/errors.js';
import type { ModelLimits } from '#daemon/protocol/ipc.js';

export const totalBytes = ({ weightBytes, workBytes }: Footprint): number => weightBytes + workBytes;

export const sumOf = (one: Footprint, other: Footprint): Footprint => ({
  weightBytes: one.weightBytes + other.weightBytes,
  workBytes: one.workBytes + other.workBytes,
});

/** @throws SottoError INSUFFICIENT_MEMORY for a model that would not fit into empty memory */
export function assertFits(
  name: string,
  need: Footprint,
  { maxBytes = Infinity, advice }: ModelLimits,
): void {
  if (totalBytes(need) <= maxBytes) return;
  throw new SottoError(
    'INSUFFICIENT_MEMORY',
    `${name} needs ${roughly(totalBytes(need))}, but models may use ${roughly(maxBytes)} here`,
    advice === undefined ? {} : { hint: advice },
  );
}

/** Whether a model fits with the others in memory: the weights of all, and the working memory of those in use. */
export function fitsWithOthers(
  others: Iterable<{ readonly need: Footprint; readonly holders: number }>,
  need: Footprint,
  { maxBytes = Infinity }: ModelLimits,
): boolean {
  let sum = totalBytes(need);
  for (const other of others) sum += other.need.weightBytes + (other.holders > 0 ? other.need.workBytes : 0);
  return sum <= maxBytes;
}

/** Two different sizes must not print the same. */
function roughly(bytes: number): string {
  return bytes < 1e10 ? `${Math.round(bytes / 1e6)} MB` : `${(bytes / 1e9).toFixed(1)} GB`;
}

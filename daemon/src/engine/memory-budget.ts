/** What models may take of the device's memory, and what a new one needs of it. */
import type { Footprint } from '#daemon/models/footprint.js';
import { SottoError } from '#daemon/protocol/errors.js';
import type { ModelLimits } from '#daemon/protocol/ipc.js';

export const totalBytes = ({ weightBytes, workBytes }: Footprint): number => weightBytes + workBytes;

/** @throws SottoError INSUFFICIENT_MEMORY for what would not fit into an empty memory */
export function assertFits(
  name: string,
  need: Footprint,
  { maxBytes = Infinity, advice }: ModelLimits,
): void {
  if (totalBytes(need) <= maxBytes) return;
  throw new SottoError(
    'INSUFFICIENT_MEMORY',
    `${name} needs ${roughly(totalBytes(need))}, and models may take ${roughly(maxBytes)} here`,
    advice === undefined ? {} : { hint: advice },
  );
}

/** Whether a model fits beside those that are there: weights of all, and work of those that somebody works with. */
export function fitsWithOthers(
  others: Iterable<{ readonly need: Footprint; readonly holders: number }>,
  need: Footprint,
  { maxBytes = Infinity }: ModelLimits,
): boolean {
  let sum = totalBytes(need);
  for (const other of others) sum += other.need.weightBytes + (other.holders > 0 ? other.need.workBytes : 0);
  return sum <= maxBytes;
}

/** Two sizes that differ must look so. */
function roughly(bytes: number): string {
  return bytes < 1e10 ? `${Math.round(bytes / 1e6)} MB` : `${(bytes / 1e9).toFixed(1)} GB`;
}

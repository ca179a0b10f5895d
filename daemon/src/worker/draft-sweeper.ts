/**
 * Removes drafts of killed workers. Reading a folder of thousands of files over a network is slow, so it happens when a
 * folder is first used, every few hours, and after the death of a worker that may have left a draft there.
 */
import { sweepDrafts } from '../writers/placement/place-text.js';

const SWEEP_INTERVAL_MS = 6 * 3600_000;

export class DraftSweeper {
  readonly #sweptMs = new Map<string, number>();

  async sweep(folder: string, { afterDeath }: { readonly afterDeath: boolean }): Promise<void> {
    const nowMs = Date.now();
    if (!afterDeath && nowMs - (this.#sweptMs.get(folder) ?? -Infinity) < SWEEP_INTERVAL_MS) return;
    this.#sweptMs.set(folder, nowMs);
    await sweepDrafts(folder, nowMs);
  }
}

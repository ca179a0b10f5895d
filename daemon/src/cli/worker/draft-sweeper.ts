/**
 * Drafts of texts that workers left when they were killed. To read a folder of thousands over a network takes a while, so
 * it isn't done for each job: it is when a folder is first written to, a few times a day, and when a job comes from a
 * worker that died at it, which may have died between writing and removing its draft.
 */
import { sweepDrafts } from '../output/place-text.js';

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

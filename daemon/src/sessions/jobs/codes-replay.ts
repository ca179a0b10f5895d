/**
 * Removes duplicates from the second run of a file that is encoded. Encoding is deterministic, so the new run starts with the
 * codes that were sent before the engine died, in chunks that may be cut elsewhere.
 */
import type { Codes } from '../../protocol/codec.js';
import { defined } from '../../protocol/defined.js';

export class CodesReplay {
  /** Codes of each codebook, and scales, that the client has; and those of the current run. */
  readonly #sent: number[] = [];
  #sentScales = 0;
  #made: number[] = [];
  #madeScales = 0;

  /** A new run starts at the beginning of the audio. */
  restart(): void {
    this.#made = [];
    this.#madeScales = 0;
  }

  /** @returns the part that the client does not have; undefined if it has everything */
  fresh({ codes, scales }: Codes): Codes | undefined {
    const fresh = codes.map((list, codebook) => {
      const made = this.#made[codebook] ?? 0;
      const sent = this.#sent[codebook] ?? 0;
      this.#made[codebook] = made + list.length;
      this.#sent[codebook] = Math.max(sent, made + list.length);
      return list.slice(Math.max(0, sent - made));
    });
    const known = Math.max(0, this.#sentScales - this.#madeScales);
    this.#madeScales += scales?.length ?? 0;
    this.#sentScales = Math.max(this.#sentScales, this.#madeScales);
    const freshScales = scales?.slice(known);
    const isNew = fresh.some((list) => list.length > 0) || (freshScales?.length ?? 0) > 0;
    return isNew ? { codes: fresh, ...defined({ scales: freshScales }) } : undefined;
  }
}

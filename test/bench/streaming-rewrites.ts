/** How often shown text is taken back, counted word by word. */

/**
 * Counts words that were shown and then gave way to others. What is shown is aligned with what was shown before, so a word
 * that is put in does not make all that follow it new; words that are only hidden again, and come back later, are none.
 * Case and punctuation are no words.
 */
export class Rewrites {
  /** Words beyond the committed ones, as they were last seen. */
  #shown: string[] = [];
  count = 0;

  /** @param committed said for good since the last call @param tentative shown behind it */
  show(committed: readonly string[], tentative: readonly string[]): void {
    const said = committed.flatMap(plain);
    const now = [...said, ...tentative.flatMap(plain)];
    const { changed, kept } = aligned(this.#shown, now);
    this.count += changed;
    // What is hidden now was seen: if something else takes its place later, that is a change.
    const seen = [...now, ...this.#shown.slice(kept)];
    this.#shown = seen.slice(said.length);
  }
}

function plain(text: string): string[] {
  return text
    .toLowerCase()
    .split(/\s+/)
    .map((word) => word.replace(/[^\p{L}\p{N}\p{M}]/gu, ''))
    .filter((word) => word !== '');
}

/**
 * The words of `old` that are others in `now`, by the fewest edits. Either may go on behind where the other ends.
 *
 * @returns `kept`: how many of `old` stand before the end of `now`
 */
function aligned(old: readonly string[], now: readonly string[]): { changed: number; kept: number } {
  const width = now.length + 1;
  /** Edits, and of them the words of `old` that changed. */
  const edits = new Float64Array((old.length + 1) * width);
  const changes = new Float64Array(edits.length);
  for (let i = 0; i <= old.length; i++) {
    for (let j = 0; j <= now.length; j++) {
      if (i === 0 && j === 0) continue;
      const at = i * width + j;
      const other = i > 0 && j > 0 && old[i - 1] === now[j - 1] ? 0 : 1;
      const ways = [
        i > 0 && j > 0 ? { from: at - width - 1, edit: other, change: other } : undefined,
        i > 0 ? { from: at - width, edit: 1, change: 1 } : undefined,
        j > 0 ? { from: at - 1, edit: 1, change: 0 } : undefined,
      ].filter((way) => way !== undefined);
      edits[at] = Infinity;
      for (const { from, edit, change } of ways) {
        const sum = (edits[from] ?? 0) + edit;
        if (sum >= (edits[at] ?? Infinity)) continue;
        edits[at] = sum;
        changes[at] = (changes[from] ?? 0) + change;
      }
    }
  }
  // It ends where one of them does: the rest of `old` is hidden, or the rest of `now` is new.
  let best = { cost: Infinity, changed: 0, kept: old.length };
  for (let j = 0; j <= now.length; j++) {
    const at = old.length * width + j;
    if ((edits[at] ?? Infinity) < best.cost)
      best = { cost: edits[at] ?? Infinity, changed: changes[at] ?? 0, kept: old.length };
  }
  for (let i = 0; i < old.length; i++) {
    const at = i * width + now.length;
    if ((edits[at] ?? Infinity) < best.cost)
      best = { cost: edits[at] ?? Infinity, changed: changes[at] ?? 0, kept: i };
  }
  return best;
}

/**
 * Counts words that were shown and then replaced. Aligns each text with the previous one, so that an inserted word does
 * not make all later words new. Words that are hidden and reappear do not count. Ignores case and punctuation.
 */
export class Rewrites {
  /** Uncommitted words as last seen. */
  #shown: string[] = [];
  count = 0;

  /** @param committed words committed since the last call @param tentative words shown after them */
  show(committed: readonly string[], tentative: readonly string[]): void {
    const committedWords = committed.flatMap(plain);
    const now = [...committedWords, ...tentative.flatMap(plain)];
    const { changed, kept } = aligned(this.#shown, now);
    this.count += changed;
    // Hidden words were seen, so replacing them later is a change.
    const seen = [...now, ...this.#shown.slice(kept)];
    this.#shown = seen.slice(committedWords.length);
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
 * Counts the words of `old` that changed in `now`, by the fewest edits. Either may continue beyond the end of the other.
 *
 * @returns `kept`: number of words of `old` before the end of `now`
 */
function aligned(old: readonly string[], now: readonly string[]): { changed: number; kept: number } {
  const width = now.length + 1;
  /** Number of edits, and of changed words of `old`. */
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
  // The alignment ends with either text: the rest of `old` is hidden, or the rest of `now` is new.
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

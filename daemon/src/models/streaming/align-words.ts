/** Aligns the words of two decodes of the same audio by the fewest edits (Levenshtein distance). */

/** Edits between the first `i` words of one list and the first `j` of the other: `[i][j]`. */
function editCounts(previous: readonly string[], next: readonly string[]): number[][] {
  const counts = [Array.from({ length: next.length + 1 }, (_, j) => j)];
  for (const [i, word] of previous.entries()) {
    const above = counts[i] ?? [];
    const row = [i + 1];
    for (const [j, other] of next.entries()) {
      const replaced = (above[j] ?? 0) + (word === other ? 0 : 1);
      row.push(Math.min(replaced, (above[j + 1] ?? 0) + 1, (row[j] ?? 0) + 1));
    }
    counts.push(row);
  }
  return counts;
}

/** For each word of `next`, the place of the same word in `previous`; undefined for a word that is new. */
export function matchWords(previous: readonly string[], next: readonly string[]): (number | undefined)[] {
  const counts = editCounts(previous, next);
  const matches = new Array<number | undefined>(next.length).fill(undefined);
  let [i, j] = [previous.length, next.length];
  while (i > 0 && j > 0) {
    const count = counts[i]?.[j] ?? 0;
    const isSame = previous[i - 1] === next[j - 1];
    if (count === (counts[i - 1]?.[j - 1] ?? 0) + (isSame ? 0 : 1)) {
      i--;
      j--;
      if (isSame) matches[j] = i;
    } else if (count === (counts[i - 1]?.[j] ?? 0) + 1) i--;
    else j--;
  }
  return matches;
}

/**
 * How many words at the start of `next` are those of `committed`, which the new decode may spell differently.
 *
 * @param distance of the end of the first `count` words from the end of the committed ones; decides between equal
 *   alignments
 */
export function countCommitted(
  committed: readonly string[],
  next: readonly string[],
  distance: (count: number) => number,
): number {
  const edits = editCounts(committed, next).at(-1) ?? [0];
  const fewest = Math.min(...edits);
  let best = { count: 0, distance: Infinity };
  for (const [count, edit] of edits.entries()) {
    if (edit !== fewest) continue;
    const found = distance(count);
    if (found < best.distance) best = { count, distance: found };
  }
  return best.count;
}

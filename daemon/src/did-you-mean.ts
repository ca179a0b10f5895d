/** Suggestions for a mistyped name ("did you mean"). */

const MAX_DISTANCE = 3;
/** The same rule as commander's for commands: a match needs more than this share of equal characters. */
const MIN_SIMILARITY = 0.4;

/** The best matches, at most `limit`, ignoring case. A name that contains the other one counts as close. */
export function closest(name: string, known: readonly string[], limit = 3): string[] {
  const wanted = name.toLowerCase();
  const rated = [...new Set(known)].flatMap((candidate) => {
    const other = candidate.toLowerCase();
    const distance = editDistance(wanted, other);
    const length = Math.max(wanted.length, other.length);
    if (distance <= MAX_DISTANCE && (length - distance) / length > MIN_SIMILARITY) {
      return [{ candidate, rank: distance }];
    }
    const contains = wanted.length >= 3 && (other.includes(wanted) || wanted.includes(other));
    return contains ? [{ candidate, rank: MAX_DISTANCE + 1 + Math.abs(other.length - wanted.length) }] : [];
  });
  rated.sort((a, b) => a.rank - b.rank);
  return rated.slice(0, limit).map(({ candidate }) => candidate);
}

/** `did you mean a, b or c?`, or undefined without a close match. */
export function didYouMean(name: string, known: readonly string[]): string | undefined {
  const found = closest(name, known);
  if (found.length === 0) return undefined;
  const last = found.at(-1) ?? '';
  return `did you mean ${found.length === 1 ? last : `${found.slice(0, -1).join(', ')} or ${last}`}?`;
}

/** Damerau-Levenshtein distance (optimal string alignment): insertions, deletions, substitutions, transpositions. */
export function editDistance(a: string, b: string): number {
  let before: number[] = [];
  let above = Array.from({ length: b.length + 1 }, (_, j) => j);
  for (let i = 1; i <= a.length; i++) {
    const row = [i];
    for (let j = 1; j <= b.length; j++) {
      const cost = a[i - 1] === b[j - 1] ? 0 : 1;
      let smallest = Math.min((above[j] ?? 0) + 1, (row[j - 1] ?? 0) + 1, (above[j - 1] ?? 0) + cost);
      const swapped = i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1];
      if (swapped) smallest = Math.min(smallest, (before[j - 2] ?? 0) + 1);
      row.push(smallest);
    }
    before = above;
    above = row;
  }
  return above[b.length] ?? 0;
}

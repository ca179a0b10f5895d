/**
 * Finds the language of each group of speech from its language probabilities. One or two seconds of speech are often
 * misdetected with high confidence, so the whole sequence counts (Viterbi 1967): a change of language has a cost, and each
 * group counts by its length.
 *
 * Measured with `npm run bench -- languages` and sequences of other seeds: in this range no clip changes its language
 * (cost 2.5 to 4, full weight from 2 to 3 s).
 */

export interface GroupLanguages {
  /** Seconds of speech. */
  readonly seconds: number;
  readonly probabilities: ReadonlyMap<string, number>;
}

/** In nats. */
const CHANGE_COST = 2.5;
/** Floor for probabilities. */
const MIN_PROBABILITY = 0.001;
/** A group with this much speech has full weight. */
const FULL_WEIGHT_SECONDS = 2.75;
/** A language is a candidate if some group has at least this probability; the second, for a new language, exceeds noise. */
const MIN_FIRST_PROBABILITY = 0.1;
const MIN_NEW_PROBABILITY = 0.35;

/**
 * The language of each group that minimizes the cost of changes and improbable languages.
 *
 * @param before the language before the first group; undefined at the start of the audio
 */
export function viterbiPath(groups: readonly GroupLanguages[], before?: string): string[] {
  const minProbability = before === undefined ? MIN_FIRST_PROBABILITY : MIN_NEW_PROBABILITY;
  const candidates = groups.flatMap(({ probabilities }) =>
    [...probabilities].flatMap(([language, p]) => (p >= minProbability ? [language] : [])),
  );
  const languages = [...new Set(before === undefined ? candidates : [before, ...candidates])];
  let costs: number[] = languages.map((language) =>
    before === undefined || language === before ? 0 : CHANGE_COST,
  );
  const origins: number[][] = [];
  for (const { seconds, probabilities } of groups) {
    const weight = Math.min(1, seconds / FULL_WEIGHT_SECONDS);
    const cheapest = costs.indexOf(Math.min(...costs));
    const changed = (costs[cheapest] ?? 0) + CHANGE_COST;
    const first = origins.length === 0;
    origins.push(costs.map((cost, i) => (!first && changed < cost ? cheapest : i)));
    costs = languages.map((language, i) => {
      const p = Math.max(MIN_PROBABILITY, probabilities.get(language) ?? 0);
      const cost = costs[i] ?? 0;
      return (first ? cost : Math.min(cost, changed)) - weight * Math.log(p);
    });
  }
  const path: string[] = [];
  let at = costs.indexOf(Math.min(...costs));
  for (const origin of origins.reverse()) {
    path.unshift(languages[at] ?? '');
    at = origin[at] ?? at;
  }
  return path;
}

/**
 * From how probable each language is in each group of speech to which one is spoken when. What a second or two of speech
 * say is often wrong, and then not even unsure; so the whole sequence counts (Viterbi 1967): to change the language costs
 * as much as a group has to be surer of another one than of that before it, weighed by how long it is.
 *
 * Measured on `npm run bench -- languages` and the sequences of other seeds: where each of these may lie without a clip
 * changing its language on the way (cost 2.5 to 4, a full voice from 2 to 3 s).
 */

/** What was heard in a group of speech. */
export interface GroupLanguages {
  /** Seconds of it that are speech. */
  readonly seconds: number;
  readonly probabilities: ReadonlyMap<string, number>;
}

/** In natural logarithms, as the probabilities are summed up. */
const CHANGE_COST = 2.5;
/** Less than this says nothing that could be told apart from nothing. */
const MIN_PROBABILITY = 0.001;
/** From so much speech on, a group has its full voice. */
const FULL_WEIGHT_SECONDS = 2.75;
/** A language counts that some group finds at least this probable; a new one has to be likelier than noise makes any. */
const MIN_FIRST_PROBABILITY = 0.1;
const MIN_NEW_PROBABILITY = 0.35;

/**
 * The language of each group, such that changes and improbable languages together cost least.
 *
 * @param before the language of what was said before the first group; none at the start of the audio
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

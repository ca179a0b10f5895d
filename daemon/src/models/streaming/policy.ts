/** How much of a hypothesis is said for good. Pure functions of what the model said now and before. */
import { type Hypothesis, wholeWords } from './hypothesis.js';

export interface Moment {
  readonly now: Hypothesis;
  /** The hypothesis of the update before, from where the committed text ends now; undefined for the first of all. */
  readonly before: Hypothesis | undefined;
  /** Speech heard since the utterance began, in seconds. */
  readonly heardSeconds: number;
  /** Whether the speaker pauses: what was said will not be said differently. */
  readonly paused: boolean;
}

/** @returns how many of the tokens of `now` are committed */
export type CommitPolicy = (moment: Moment) => number;

/** In a pause nothing follows that could change a word, so text lands early. */
const PAUSE_FRAMES = 4;

/**
 * AlignAtt (Papi et al., arXiv 2305.11408): tokens are taken up to the first that looks at the last `threshold` frames of
 * the audio, or behind it.
 */
export function alignAtt(threshold: number): CommitPolicy {
  return ({ now, before, paused }) => {
    if (before === undefined) return 0; // a first guess at the little that was heard
    return wholeWords(now, safe(now, paused ? PAUSE_FRAMES : threshold));
  };
}

/** LocalAgreement-2 (Liu et al., arXiv 2005.11185): what two hypotheses in a row say alike. */
export function localAgreement(): CommitPolicy {
  return ({ now, before }) => (before === undefined ? 0 : wholeWords(now, agreed(now, before)));
}

/** Agreement while an utterance is young and guesses are wild, AlignAtt after. */
export function agreementThenAlignAtt(threshold: number, youngSeconds = 2): CommitPolicy {
  const [young, grown] = [localAgreement(), alignAtt(threshold)];
  return (moment) => (moment.heardSeconds < youngSeconds ? young(moment) : grown(moment));
}

/** Both at once: said alike twice, and not at the edge of the audio. */
export function agreementAndAlignAtt(threshold: number): CommitPolicy {
  const [one, other] = [localAgreement(), alignAtt(threshold)];
  return (moment) => Math.min(one(moment), other(moment));
}

/** Before this much was heard, nothing is shown: a model says "Thank you." to half a word. */
const SHOWN_AFTER_SECONDS = 1;
const EDGE_FRAMES = 4;

/** How many of the tokens behind the committed ones are worth showing: not those at the edge, which flicker. */
export function tentativeCount(now: Hypothesis, committed: number, heardSeconds: number): number {
  if (heardSeconds < SHOWN_AFTER_SECONDS) return 0;
  return Math.max(0, safe(now, EDGE_FRAMES) - committed);
}

/** Tokens before the first that looks at the last `threshold` frames or behind the audio. */
function safe({ attended, audioFrames }: Hypothesis, threshold: number): number {
  const edge = attended.findIndex((frame) => audioFrames - frame <= threshold);
  return edge < 0 ? attended.length : edge;
}

function agreed(a: Hypothesis, b: Hypothesis): number {
  let count = 0;
  while (count < a.tokens.length && a.tokens[count] === b.tokens[count]) count++;
  return count;
}

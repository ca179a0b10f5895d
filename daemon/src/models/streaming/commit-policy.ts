/** How much of a hypothesis is said for good. Pure functions of what the model says now, and how often it did. */
import { type Hypothesis, countWholeWords } from './hypothesis.js';

export interface PolicyInput {
  readonly now: Hypothesis;
  /** Whether nothing of the utterance was looked at before: a guess at the little that was heard. */
  readonly first: boolean;
  /** Speech heard since the utterance began, in seconds. */
  readonly audioSeconds: number;
  /** Whether the speaker pauses: what was said will not be said differently. */
  readonly paused: boolean;
}

/** @returns how many of the tokens of `now` are committed */
export type CommitPolicy = (policyInput: PolicyInput) => number;

/** What makes a token sure enough; all of it at once. */
interface CommitCriteria {
  /** Frames of 20 ms between what it looks at and the end of the audio: more than so many. */
  readonly frames?: number;
  /** Looks in a row that said its word. */
  readonly agreementCount?: number;
  /** How probable its word is, given what is before it. */
  readonly probability?: number;
}

/** In a pause nothing follows that could change a word, so text lands early. */
const PAUSE_FRAMES = 4;

/** Tokens are committed up to the first that is sure in none of the ways. */
export function commitWhen(...ways: readonly CommitCriteria[]): CommitPolicy {
  return ({ now, first, paused }) => {
    if (first) return 0;
    const isSure = (i: number): boolean => ways.some((way) => meetsCriteria(now, i, way, paused));
    let count = 0;
    while (count < now.tokens.length && isSure(count)) count++;
    return countWholeWords(now, count);
  };
}

function meetsCriteria(
  now: Hypothesis,
  i: number,
  { frames = -Infinity, agreementCount = 1, probability = 0 }: CommitCriteria,
  paused: boolean,
): boolean {
  const edgeDistance = now.audioFrames - (now.attendedFrames[i] ?? Infinity);
  if (edgeDistance <= (paused ? Math.min(frames, PAUSE_FRAMES) : frames)) return false;
  return (now.agreementCount[i] ?? 0) >= agreementCount && (now.probabilities[i] ?? 0) >= probability;
}

/**
 * AlignAtt (Papi et al., arXiv 2305.11408): tokens are taken up to the first that looks at the last `frames` of the audio,
 * or behind it.
 */
export function alignAtt(frames: number): CommitPolicy {
  return commitWhen({ frames });
}

/** LocalAgreement-2 (Liu et al., arXiv 2005.11185): what two hypotheses in a row say alike. */
export function localAgreement(): CommitPolicy {
  return commitWhen({ agreementCount: 2 });
}

/** Both at once: said alike twice, and not at the edge of the audio. */
export function agreementAndAlignAtt(frames: number): CommitPolicy {
  return commitWhen({ frames, agreementCount: 2 });
}

/** Agreement while an utterance is young and guesses are wild, AlignAtt after. */
export function agreementThenAlignAtt(frames: number, earlySeconds = 2): CommitPolicy {
  const [isUncommitted, late] = [localAgreement(), alignAtt(frames)];
  return (policyInput) =>
    policyInput.audioSeconds < earlySeconds ? isUncommitted(policyInput) : late(policyInput);
}

/** What is worth showing beyond what is committed: not what flickers. */
export interface TentativeThresholds {
  /** Before this much was heard nothing is: a model says "Thank you." to half a word. */
  readonly minAudioSeconds: number;
  /** Nothing that looks at the last frames of 20 ms. */
  readonly edgeFrames: number;
  /** How probable a word has to be. */
  readonly probability: number;
  /** The same while nothing is committed: to see early that one is heard is worth a wrong word. */
  readonly minFirstProbability: number;
}

/** How many of the tokens behind the first `committed` ones are shown. @param young whether nothing of the window is committed */
export function tentativeCount(
  now: Hypothesis,
  committed: number,
  { audioSeconds, isUncommitted }: { readonly audioSeconds: number; readonly isUncommitted: boolean },
  { minAudioSeconds, edgeFrames, probability, minFirstProbability }: TentativeThresholds,
): number {
  if (isUncommitted && audioSeconds < minAudioSeconds) return 0;
  const minProbability = isUncommitted && committed === 0 ? minFirstProbability : probability;
  const { tokens, cuts, attendedFrames, probabilities, audioFrames } = now;
  let count = committed;
  while (
    count < tokens.length &&
    audioFrames - (attendedFrames[count] ?? Infinity) > edgeFrames &&
    (probabilities[count] ?? 0) >= minProbability
  )
    count++;
  while (count > committed && count < tokens.length && cuts[count] !== true) count--;
  return count - committed;
}

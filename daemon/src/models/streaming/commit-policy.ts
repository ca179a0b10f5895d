/** Decides how much of a hypothesis is committed and how much of the rest is shown. Pure functions. */
import { type Hypothesis, countWholeWords } from './hypothesis.js';

export interface PolicyInput {
  readonly hypothesis: Hypothesis;
  /** Whether this is the first decode step of the utterance, which has little audio to rely on. */
  readonly isFirstStep: boolean;
  /** Audio since the start of the window, in seconds. */
  readonly audioSeconds: number;
  /** Whether the speaker pauses, so that no more audio can change the words. */
  readonly isPaused: boolean;
}

/** @returns how many tokens of the hypothesis are committed */
export type CommitPolicy = (policyInput: PolicyInput) => number;

/** Conditions for committing a token; all must hold. */
interface CommitCriteria {
  /** Its evidence must lie more than this many frames of 20 ms before the end of the audio. */
  readonly edgeFrames?: number;
  /** Minimum consecutive decode steps that agree on its word. */
  readonly agreementCount?: number;
  /** Minimum probability of its word, given the words before it. */
  readonly probability?: number;
}

/** The required edge distance during a pause, when no audio follows that could change a word. */
const PAUSE_FRAMES = 4;

/** Commits tokens up to the first that meets none of the criteria. */
export function commitWhen(...criteria: readonly CommitCriteria[]): CommitPolicy {
  return ({ hypothesis, isFirstStep, isPaused }) => {
    if (isFirstStep) return 0;
    const isSure = (i: number): boolean =>
      criteria.some((criterion) => meetsCriteria(hypothesis, i, criterion, isPaused));
    let count = 0;
    while (count < hypothesis.tokens.length && isSure(count)) count++;
    return countWholeWords(hypothesis, count);
  };
}

function meetsCriteria(
  hypothesis: Hypothesis,
  i: number,
  { edgeFrames = -Infinity, agreementCount = 1, probability = 0 }: CommitCriteria,
  isPaused: boolean,
): boolean {
  const edgeDistance = hypothesis.edgeFrames[i] ?? -Infinity;
  if (edgeDistance <= (isPaused ? Math.min(edgeFrames, PAUSE_FRAMES) : edgeFrames)) return false;
  return (
    (hypothesis.agreementCount[i] ?? 0) >= agreementCount && (hypothesis.probabilities[i] ?? 0) >= probability
  );
}

/**
 * AlignAtt (Papi et al., arXiv 2305.11408): commits tokens up to the first that attends to the last `edgeFrames` of the
 * audio or beyond it. Also fits CTC, where `edgeFrames` is what the encoder looks ahead.
 */
export function alignAtt(edgeFrames: number): CommitPolicy {
  return commitWhen({ edgeFrames });
}

/** For transducers: later audio changes no emitted token, so whole words are committed at once. */
export function finalEmissions(): CommitPolicy {
  return ({ hypothesis }) => {
    const count = hypothesis.edgeFrames.findIndex((frames) => frames !== Infinity);
    return countWholeWords(hypothesis, count < 0 ? hypothesis.tokens.length : count);
  };
}

/** LocalAgreement-2 (Liu et al., arXiv 2005.11185): commits what two consecutive hypotheses agree on. */
export function localAgreement(): CommitPolicy {
  return commitWhen({ agreementCount: 2 });
}

/** Requires both: two agreeing hypotheses, and distance from the edge of the audio. */
export function agreementAndAlignAtt(edgeFrames: number): CommitPolicy {
  return commitWhen({ edgeFrames, agreementCount: 2 });
}

/** LocalAgreement early in an utterance, where hypotheses are unreliable, AlignAtt later. */
export function agreementThenAlignAtt(edgeFrames: number, earlySeconds = 2): CommitPolicy {
  const [early, late] = [localAgreement(), alignAtt(edgeFrames)];
  return (policyInput) => (policyInput.audioSeconds < earlySeconds ? early(policyInput) : late(policyInput));
}

/** Which words after the committed ones are stable enough to show. */
export interface TentativeThresholds {
  /** Shows nothing before this much audio: a model decodes "Thank you." from half a word. */
  readonly minAudioSeconds: number;
  /** Shows nothing whose evidence is in the last frames of 20 ms. */
  readonly edgeFrames: number;
  /** Minimum probability of a word. */
  readonly probability: number;
  /** The same before anything is committed: early feedback is worth a wrong word. */
  readonly minFirstProbability: number;
}

/** How many tokens after the first `committed` ones are shown. @param isUncommitted whether nothing of the window is committed */
export function tentativeCount(
  hypothesis: Hypothesis,
  committed: number,
  { audioSeconds, isUncommitted }: { readonly audioSeconds: number; readonly isUncommitted: boolean },
  { minAudioSeconds, edgeFrames, probability, minFirstProbability }: TentativeThresholds,
): number {
  if (isUncommitted && audioSeconds < minAudioSeconds) return 0;
  const minProbability = isUncommitted && committed === 0 ? minFirstProbability : probability;
  const { tokens, cuts, edgeFrames: distances, probabilities } = hypothesis;
  let count = committed;
  while (
    count < tokens.length &&
    (distances[count] ?? -Infinity) > edgeFrames &&
    (probabilities[count] ?? 0) >= minProbability
  )
    count++;
  while (count > committed && count < tokens.length && cuts[count] !== true) count--;
  return count - committed;
}

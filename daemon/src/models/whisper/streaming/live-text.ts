/** The text of the current window: its committed tokens and the hypothesis of the last decode step. */
import { defined } from '#daemon/protocol/defined.js';
import type { Word } from '#daemon/protocol/transcription.js';
import {
  countWithoutLastMarks,
  dropFirst,
  cutsOf,
  type Hypothesis,
  countAgreements,
  isMark,
  wordStarts,
} from '../../streaming/hypothesis.js';

import type { TextState } from './live-whisper-state.js';
import type { LiveWords } from './live-words.js';
import { findWindowCut } from '../../streaming/window-cut.js';

/** The result of a decode step: the hypothesis after the committed tokens, as words with times. */
interface AlignedHypothesis {
  readonly hypothesis: Hypothesis;
  readonly words: LiveWords;
  readonly logprobs: readonly number[];
  /** Start of each token, and the end of the last, in frames of 20 ms from the start of the window. */
  readonly starts: readonly number[];
  /** Frames of the window that are audio. */
  readonly audioFrames: number;
}

/** A word that is cut off by the end of the audio may attend slightly beyond it. */
const MAX_OVERRUN_FRAMES = 15;

export class LiveText {
  readonly #wordsOf: (tokens: readonly number[]) => LiveWords;
  #committed: number[] = [];
  /** Start of each committed token, as aligned by the last decode step. */
  #starts: number[] = [];
  #lastStep: AlignedHypothesis | undefined;
  #decodeSteps = 0;
  #sumLogprob = 0;
  #committedCount = 0;

  constructor(wordsOf: (tokens: readonly number[]) => LiveWords, from?: TextState) {
    this.#wordsOf = wordsOf;
    if (from === undefined) return;
    this.#committed = [...from.committed];
    this.#starts = [...from.starts];
    this.#decodeSteps = from.decodeSteps;
    this.#sumLogprob = from.sumLogprob;
    this.#committedCount = from.count;
    if (from.lastStep !== undefined)
      this.#lastStep = { ...from.lastStep, words: wordsOf(from.lastStep.hypothesis.tokens) };
  }

  get state(): TextState {
    const lastStep = this.#lastStep;
    return {
      committed: [...this.#committed],
      starts: [...this.#starts],
      ...defined({ lastStep: lastStep && toPlainStep(lastStep) }),
      decodeSteps: this.#decodeSteps,
      sumLogprob: this.#sumLogprob,
      count: this.#committedCount,
    };
  }

  /** Mean natural-log probability of all tokens committed in the session; undefined before the first. */
  get meanLogprob(): number | undefined {
    return this.#committedCount === 0 ? undefined : this.#sumLogprob / this.#committedCount;
  }

  /** Whether the window holds everything committed in the session. */
  get isWhole(): boolean {
    return this.#committedCount > 0 && this.#committedCount === this.#committed.length;
  }

  /** Committed tokens of the window. */
  get committed(): readonly number[] {
    return this.#committed;
  }

  /** The hypothesis after them. */
  get hypothesis(): Hypothesis | undefined {
    return this.#lastStep?.hypothesis;
  }

  /** Decode steps since the window began. */
  get decodeSteps(): number {
    return this.#decodeSteps;
  }

  /**
   * How many tokens of the hypothesis belong to the audio: after the last word that attends to it, a model tends to invent
   * an ending. Punctuation of the last committed word belongs to it.
   */
  get attendedCount(): number {
    const lastStep = this.#lastStep;
    if (lastStep === undefined) return 0;
    const { hypothesis, words, starts } = lastStep;
    const firstWord = words.pieces.findIndex((piece) => !isMark(piece));
    const marks = firstWord < 0 ? words.pieces.length : firstWord;
    const last = hypothesis.edgeFrames.findLastIndex((frames) => frames > -MAX_OVERRUN_FRAMES);
    const lastWord = last < 0 ? undefined : words.hypothesisWords(starts).find(({ to }) => to > last);
    return Math.max(marks, lastWord?.to ?? 0);
  }

  /** `count` tokens of the hypothesis without the punctuation at their end. */
  withoutLastMarks(count: number): number {
    const lastStep = this.#lastStep;
    return lastStep === undefined
      ? 0
      : countWithoutLastMarks(lastStep.hypothesis, lastStep.words.pieces, count);
  }

  /** The text of some tokens of the hypothesis. */
  tentative(from: number, count: number): string {
    return this.#lastStep?.words.text(from, from + count) ?? '';
  }

  /** @param step `starts` and `attendedFrames` belong to the tokens of `words`, in frames from the start of the window */
  update(
    step: Omit<AlignedHypothesis, 'hypothesis'> &
      Pick<Hypothesis, 'ended'> & {
        readonly committedStarts: readonly number[];
        /** The frame that each token attends to most; it may lie beyond the audio. */
        readonly attendedFrames: readonly number[];
      },
  ): void {
    const { words, logprobs, starts, attendedFrames, audioFrames, ended } = step;
    this.#starts = [...step.committedStarts];
    const [hypothesisWords, previous] = [words.hypothesisWords(starts), this.#lastStep];
    const agreementCount = countAgreements(
      hypothesisWords,
      previous && {
        words: previous.words.hypothesisWords(previous.starts),
        agreementCount: previous.hypothesis.agreementCount,
      },
    );
    const probabilities = words.probabilities(hypothesisWords, logprobs);
    const cuts = cutsOf(words.pieces, words.isSpaced);
    const hypothesis = {
      tokens: words.tokens,
      cuts,
      edgeFrames: attendedFrames.map((frame) => audioFrames - frame),
      probabilities,
      agreementCount,
      ended,
    };
    this.#lastStep = { hypothesis, words, logprobs, starts, audioFrames };
    this.#decodeSteps++;
  }

  /** Commits the next `count` tokens. @returns their words, in seconds from the start of the window */
  commit(count: number): Word[] {
    const lastStep = this.#lastStep;
    if (lastStep === undefined || count === 0) return [];
    const words = lastStep.words.timed(0, count, lastStep.starts, lastStep.logprobs);
    this.#committed.push(...lastStep.hypothesis.tokens.slice(0, count));
    this.#sumLogprob += lastStep.logprobs.slice(0, count).reduce((sum, logprob) => sum + logprob, 0);
    this.#committedCount += count;
    this.#starts.push(...lastStep.starts.slice(0, count));
    this.#lastStep = {
      ...lastStep,
      hypothesis: dropFirst(lastStep.hypothesis, count),
      words: lastStep.words.dropFirst(count),
      logprobs: lastStep.logprobs.slice(count),
      starts: lastStep.starts.slice(count),
    };
    return words;
  }

  /**
   * Moves the start of the window to a committed word; the hypothesis stays as the draft.
   *
   * @returns the removed tokens and their frames of 20 ms; undefined if there is no place to cut
   */
  advanceWindow(): { readonly tokens: readonly number[]; readonly frames: number } | undefined {
    const lastStep = this.#lastStep;
    if (lastStep === undefined) return undefined;
    const words = this.#wordsOf(this.#committed);
    const startsWord = wordStarts(words.pieces, words.isSpaced);
    const count = findWindowCut(words.pieces, startsWord, this.#starts, lastStep.audioFrames);
    const frames = this.#starts[count] ?? 0;
    if (count === 0 || frames === 0) return undefined;
    const tokens = this.#committed.splice(0, count);
    const shiftBack = (all: readonly number[]): number[] => all.map((frame) => Math.max(0, frame - frames));
    this.#starts = shiftBack(this.#starts.slice(count));
    const { hypothesis, starts } = lastStep;
    const audioFrames = lastStep.audioFrames - frames;
    this.#lastStep = {
      ...lastStep,
      starts: shiftBack(starts),
      audioFrames,
      // No token attends to audio before the window.
      hypothesis: {
        ...hypothesis,
        edgeFrames: hypothesis.edgeFrames.map((edge) => Math.min(audioFrames, edge)),
      },
    };
    return { tokens, frames };
  }

  /** Empties the window. @returns its committed tokens */
  clear(): readonly number[] {
    this.#lastStep = undefined;
    this.#decodeSteps = 0;
    this.#starts = [];
    return this.#committed.splice(0);
  }
}

function toPlainStep({
  hypothesis,
  logprobs,
  starts,
  audioFrames,
}: AlignedHypothesis): NonNullable<TextState['lastStep']> {
  const { tokens, cuts, edgeFrames, probabilities, agreementCount, ended } = hypothesis;
  return {
    hypothesis: {
      tokens: [...tokens],
      cuts: [...cuts],
      edgeFrames: [...edgeFrames],
      probabilities: [...probabilities],
      agreementCount: [...agreementCount],
      ended,
    },
    logprobs: [...logprobs],
    starts: [...starts],
    audioFrames,
  };
}

/** The text of a window that is still being heard: what is committed of it, and what the last look says follows. */
import type { Word } from '#daemon/protocol/transcription.js';
import {
  dropFirst,
  cutsOf,
  type Hypothesis,
  countAgreements,
  wordStarts,
} from '../../streaming/hypothesis.js';

import type { TextState } from './live-whisper-state.js';
import type { LiveWords } from './live-words.js';
import { findWindowCut } from './window-cut.js';

/** One look: a hypothesis behind the committed tokens, as words with places. */
export interface DecodeStep {
  readonly hypothesis: Hypothesis;
  readonly words: LiveWords;
  readonly logprobs: readonly number[];
  /** Where each token begins, and the last one ends, in frames of 20 ms from the beginning of the window. */
  readonly starts: readonly number[];
}

/** The last word of audio that is cut off may look a little behind it. */
const MAX_OVERRUN_FRAMES = 15;

export class LiveText {
  readonly #wordsOf: (tokens: readonly number[]) => LiveWords;
  #committed: number[] = [];
  /** Where each committed token begins, as the last look found it. */
  #starts: number[] = [];
  #lastStep: DecodeStep | undefined;
  /** Looks at the text since the window began. */
  #agreementCount = 0;
  #sumLogprob = 0;
  #count = 0;

  constructor(wordsOf: (tokens: readonly number[]) => LiveWords, from?: TextState) {
    this.#wordsOf = wordsOf;
    if (from === undefined) return;
    this.#committed = [...from.committed];
    this.#starts = [...from.starts];
    this.#agreementCount = from.agreementCount;
    this.#sumLogprob = from.sumLogprob;
    this.#count = from.count;
    if (from.lastStep !== undefined)
      this.#lastStep = { ...from.lastStep, words: wordsOf(from.lastStep.hypothesis.tokens) };
  }

  get state(): TextState {
    const lastStep = this.#lastStep;
    return {
      committed: [...this.#committed],
      starts: [...this.#starts],
      ...(lastStep && { lastStep: plain(lastStep) }),
      agreementCount: this.#agreementCount,
      sumLogprob: this.#sumLogprob,
      count: this.#count,
    };
  }

  /** Of all tokens ever committed, the mean natural-log probability; undefined before the first. */
  get meanLogprob(): number | undefined {
    return this.#count === 0 ? undefined : this.#sumLogprob / this.#count;
  }

  /** Whether all that was ever committed is in the window. */
  get isWhole(): boolean {
    return this.#count > 0 && this.#count === this.#committed.length;
  }

  /** Tokens of the window that are certain. */
  get committed(): readonly number[] {
    return this.#committed;
  }

  /** What seems to follow them. */
  get hypothesis(): Hypothesis | undefined {
    return this.#lastStep?.hypothesis;
  }

  /** How often the window was looked at. */
  get agreementCount(): number {
    return this.#agreementCount;
  }

  /**
   * How many of the tokens that seem to follow were heard: behind the last word that looks at the audio, a model that waits
   * for more makes up an end.
   */
  get attendedCount(): number {
    const lastStep = this.#lastStep;
    if (lastStep === undefined) return 0;
    const { attendedFrames, audioFrames } = lastStep.hypothesis;
    const last = attendedFrames.findLastIndex((frame) => frame < audioFrames + MAX_OVERRUN_FRAMES);
    return lastStep.words.hypothesisWords(lastStep.starts).find(({ to }) => to > last)?.to ?? 0;
  }

  /** The text of some of the tokens that seem to follow. */
  tentative(from: number, count: number): string {
    return this.#lastStep?.words.text(from, from + count) ?? '';
  }

  /** @param look `starts` and `attended` are of the tokens of `words`, in frames from the beginning of the window */
  heard(
    lastStep: Omit<DecodeStep, 'hypothesis'> &
      Pick<Hypothesis, 'attendedFrames' | 'audioFrames' | 'ended'> & {
        readonly committedStarts: readonly number[];
      },
  ): void {
    const { words, logprobs, starts, attendedFrames, audioFrames, ended } = lastStep;
    this.#starts = [...lastStep.committedStarts];
    const [hypothesisWords, before] = [words.hypothesisWords(starts), this.#lastStep];
    const agreementCount = countAgreements(
      hypothesisWords,
      before && {
        words: before.words.hypothesisWords(before.starts),
        agreementCount: before.hypothesis.agreementCount,
      },
    );
    const probabilities = words.probabilities(hypothesisWords, logprobs);
    const cuts = cutsOf(words.pieces, words.spaced);
    const hypothesis = {
      tokens: words.tokens,
      cuts,
      attendedFrames,
      probabilities,
      agreementCount,
      audioFrames,
      ended,
    };
    this.#lastStep = { hypothesis, words, logprobs, starts };
    this.#agreementCount++;
  }

  /** Makes the next `count` tokens certain. @returns their words, in seconds from the beginning of the window */
  commit(count: number): Word[] {
    const lastStep = this.#lastStep;
    if (lastStep === undefined || count === 0) return [];
    const words = lastStep.words.timed(0, count, lastStep.starts, lastStep.logprobs);
    this.#committed.push(...lastStep.hypothesis.tokens.slice(0, count));
    this.#sumLogprob += lastStep.logprobs.slice(0, count).reduce((sum, logprob) => sum + logprob, 0);
    this.#count += count;
    this.#starts.push(...lastStep.starts.slice(0, count));
    this.#lastStep = {
      hypothesis: dropFirst(lastStep.hypothesis, count),
      words: lastStep.words.dropFirst(count),
      logprobs: lastStep.logprobs.slice(count),
      starts: lastStep.starts.slice(count),
    };
    return words;
  }

  /**
   * The window begins anew where one of the committed words does; what follows is a draft still.
   *
   * @returns the tokens in front of it, and how many frames of 20 ms they take; undefined if there is no place
   */
  advanceWindow(): { readonly tokens: readonly number[]; readonly frames: number } | undefined {
    const lastStep = this.#lastStep;
    if (lastStep === undefined) return undefined;
    const words = this.#wordsOf(this.#committed);
    const begins = wordStarts(words.pieces, words.spaced);
    const count = findWindowCut(words.pieces, begins, this.#starts, lastStep.hypothesis.audioFrames);
    const frames = this.#starts[count] ?? 0;
    if (count === 0 || frames === 0) return undefined;
    const tokens = this.#committed.splice(0, count);
    const earlier = (all: readonly number[]): number[] => all.map((frame) => Math.max(0, frame - frames));
    this.#starts = earlier(this.#starts.slice(count));
    const { hypothesis, starts } = lastStep;
    this.#lastStep = {
      ...lastStep,
      starts: earlier(starts),
      hypothesis: {
        ...hypothesis,
        attendedFrames: earlier(hypothesis.attendedFrames),
        audioFrames: hypothesis.audioFrames - frames,
      },
    };
    return { tokens, frames };
  }

  /** The window begins anew, with nothing in it. @returns the tokens that were committed */
  clear(): readonly number[] {
    this.#lastStep = undefined;
    this.#agreementCount = 0;
    this.#starts = [];
    return this.#committed.splice(0);
  }
}

function plain({ hypothesis, logprobs, starts }: DecodeStep): NonNullable<TextState['lastStep']> {
  const { tokens, cuts, attendedFrames, probabilities, agreementCount, audioFrames, ended } = hypothesis;
  return {
    hypothesis: {
      tokens: [...tokens],
      cuts: [...cuts],
      attendedFrames: [...attendedFrames],
      probabilities: [...probabilities],
      agreementCount: [...agreementCount],
      audioFrames,
      ended,
    },
    logprobs: [...logprobs],
    starts: [...starts],
  };
}

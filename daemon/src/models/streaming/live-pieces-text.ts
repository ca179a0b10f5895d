/** The text of the open utterance: its committed tokens, and the tokens of the last decode after them. */
import type { Word } from '#daemon/protocol/transcription.js';

import type { TimedToken } from '../pieces/piece-decoder.js';
import { groupWords, wordsOf } from '../pieces/piece-words.js';
import { countCommitted, matchWords } from './align-words.js';
import {
  countWithoutLastMarks,
  cutsOf,
  type Hypothesis,
  hypothesisWords,
  isMark,
  wordProbabilities,
  wordStarts,
} from './hypothesis.js';
import type { StoredPiecesText } from './live-pieces-state.js';
import { findWindowCut } from './window-cut.js';

/** Of a hypothesis. */
export const HYPOTHESIS_FRAMES_PER_SECOND = 50;

/** Of a decode; times in seconds from the start of the session. */
interface PieceDecode {
  readonly tokens: readonly TimedToken[];
  /** End of the audio so far. */
  readonly audioSeconds: number;
  /** Whether the last word is whole. */
  readonly ended: boolean;
}

export class LivePiecesText {
  readonly #isSpaced: boolean;
  #committed: TimedToken[];
  /** After the committed tokens. */
  #tokens: TimedToken[];
  /** Consecutive decodes that agree on each of them. */
  #agreementCount: number[];
  #audioSeconds: number;
  #ended: boolean;
  #decodeSteps: number;
  #sumLogprob: number;
  #count: number;

  constructor(isSpaced: boolean, from?: StoredPiecesText) {
    this.#isSpaced = isSpaced;
    this.#committed = [...(from?.committed ?? [])];
    this.#tokens = [...(from?.tokens ?? [])];
    this.#agreementCount = [...(from?.agreementCount ?? [])];
    this.#audioSeconds = from?.audioSeconds ?? 0;
    this.#ended = from?.ended ?? false;
    this.#decodeSteps = from?.decodeSteps ?? 0;
    this.#sumLogprob = from?.sumLogprob ?? 0;
    this.#count = from?.count ?? 0;
  }

  get state(): StoredPiecesText {
    return {
      committed: [...this.#committed],
      tokens: [...this.#tokens],
      agreementCount: [...this.#agreementCount],
      audioSeconds: this.#audioSeconds,
      ended: this.#ended,
      decodeSteps: this.#decodeSteps,
      sumLogprob: this.#sumLogprob,
      count: this.#count,
    };
  }

  /** Mean natural-log probability of all tokens committed in the session; undefined before the first. */
  get meanLogprob(): number | undefined {
    return this.#count === 0 ? undefined : this.#sumLogprob / this.#count;
  }

  /** Whether there is any text, committed or not. */
  get isEmpty(): boolean {
    return this.#committed.length + this.#tokens.length === 0;
  }

  get isUncommitted(): boolean {
    return this.#committed.length === 0;
  }

  /** Since the utterance began. */
  get decodeSteps(): number {
    return this.#decodeSteps;
  }

  /** The tokens after the committed ones. */
  get hypothesis(): Hypothesis {
    const pieces = textsOf(this.#tokens);
    return {
      tokens: this.#tokens.map(({ id }) => id),
      cuts: cutsOf(pieces, this.#isSpaced),
      edgeFrames: this.#tokens.map(({ end }) =>
        Math.round((this.#audioSeconds - end) * HYPOTHESIS_FRAMES_PER_SECOND),
      ),
      probabilities: wordProbabilities(
        hypothesisWords(pieces, [], this.#isSpaced),
        pieces,
        this.#tokens.map(({ probability }) => probability),
      ),
      agreementCount: this.#agreementCount,
      ended: this.#ended,
    };
  }

  /** Replaces the hypothesis by what a decode of the whole utterance has after the committed text. */
  update({ tokens, audioSeconds, ended }: PieceDecode): void {
    const rest = this.#withoutCommitted(tokens);
    const [before, after] = [this.#tokens, rest].map((all) =>
      hypothesisWords(textsOf(all), [], this.#isSpaced),
    );
    const matches = matchWords(
      (before ?? []).map(({ text }) => text),
      (after ?? []).map(({ text }) => text),
    );
    this.#agreementCount = (after ?? []).flatMap(({ from, to }, i) => {
      const match = matches[i];
      const previous = match === undefined ? 0 : this.#agreementCount[before?.[match]?.from ?? 0];
      return new Array<number>(to - from).fill(1 + (previous ?? 0));
    });
    this.#tokens = [...rest];
    this.#audioSeconds = audioSeconds;
    this.#ended = ended;
    this.#decodeSteps++;
  }

  /** `count` tokens of the hypothesis without the punctuation at their end. */
  withoutLastMarks(count: number): number {
    return countWithoutLastMarks(this.hypothesis, textsOf(this.#tokens), count);
  }

  /** The text of `count` tokens of the hypothesis after the first `from`. */
  tentative(from: number, count: number): string {
    return textsOf(this.#tokens.slice(from, from + count)).join('');
  }

  /** Commits the next `count` tokens. @returns their words */
  commit(count: number): Word[] {
    const tokens = this.#tokens.splice(0, count);
    this.#agreementCount.splice(0, count);
    this.#committed.push(...tokens);
    this.#count += tokens.length;
    for (const { probability } of tokens)
      this.#sumLogprob += Math.log(Math.max(Number.MIN_VALUE, probability));
    return wordsOf(tokens, this.#isSpaced);
  }

  /**
   * Drops committed words from the start of an utterance that has become long.
   *
   * @param startSeconds of the utterance
   * @returns the start of the first one that is left; undefined if there is no place to cut
   */
  advance(startSeconds: number): number | undefined {
    const pieces = textsOf(this.#committed);
    const framesAt = (seconds: number): number =>
      Math.floor((seconds - startSeconds) * HYPOTHESIS_FRAMES_PER_SECOND);
    const count = findWindowCut(
      pieces,
      wordStarts(pieces, this.#isSpaced),
      this.#committed.map(({ start }) => framesAt(start)),
      framesAt(this.#audioSeconds),
    );
    if (count === 0) return undefined;
    this.#committed.splice(0, count);
    return this.#committed[0]?.start;
  }

  /** Drops the committed words before a place where the utterance is cut. Words after it may be committed already. */
  dropBefore(seconds: number): void {
    this.#committed = this.#committed.filter(({ start }) => start >= seconds);
  }

  /** Begins an utterance. */
  clear(): void {
    this.#committed = [];
    this.#tokens = [];
    this.#agreementCount = [];
    this.#decodeSteps = 0;
  }

  /** The tokens after those that stand for the committed text. */
  #withoutCommitted(tokens: readonly TimedToken[]): readonly TimedToken[] {
    const last = this.#committed.at(-1);
    if (last === undefined) return tokens;
    const words = groupWords(tokens, this.#isSpaced);
    const plain = (all: readonly TimedToken[]): string[] =>
      hypothesisWords(textsOf(all), [], this.#isSpaced).map(({ text }) => text);
    const [committed, next] = [plain(this.#committed), plain(tokens)];
    const count = countCommitted(committed, next, (first) => {
      const end = words[first - 1]?.findLast(({ text }) => !isMark(text))?.end;
      return Math.abs((end ?? -Infinity) - last.end);
    });
    const dropped = words.slice(0, count).flat();
    // The punctuation of the last committed word may be new.
    let marks = 0;
    if (!isMark(last.text) && committed.at(-1) === next[count - 1])
      while (isMark(dropped.at(-1 - marks)?.text ?? 'none')) marks++;
    return tokens.slice(dropped.length - marks);
  }
}

function textsOf(tokens: readonly TimedToken[]): string[] {
  return tokens.map(({ text }) => text);
}

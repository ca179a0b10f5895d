/** Tokens that are being said, as words. */
import type { Word } from '#daemon/protocol/transcription.js';

import { SECONDS_PER_TIMESTAMP, type WhisperTokenizer } from '../tokenizer.js';
import { isMark, type HypothesisWord, hypothesisWords, wordStarts } from '../../streaming/hypothesis.js';

export class LiveWords {
  /** Texts of the tokens; a character that spreads over several tokens is with the last of them. */
  readonly pieces: readonly string[];

  constructor(
    readonly tokenizer: Pick<WhisperTokenizer, 'textStream'>,
    readonly tokens: readonly number[],
    readonly spaced: boolean,
  ) {
    const stream = tokenizer.textStream();
    this.pieces = tokens.map((token) => stream.push(token));
  }

  text(from: number, to: number): string {
    return this.pieces.slice(from, to).join('');
  }

  /** What follows the first `count` tokens. */
  dropFirst(count: number): LiveWords {
    return new LiveWords(this.tokenizer, this.tokens.slice(count), this.spaced);
  }

  /** The words as they are compared. */
  hypothesisWords(starts: readonly number[]): HypothesisWord[] {
    return hypothesisWords(this.pieces, starts, this.spaced);
  }

  /** For each token the probability of the least probable token of its word; marks do not count. */
  probabilities(hypothesisWords: readonly HypothesisWord[], logprobs: readonly number[]): number[] {
    return hypothesisWords.flatMap(({ from, to }) => {
      let least = 0;
      for (let i = from; i < to; i++) {
        if (!isMark(this.pieces[i] ?? '')) least = Math.min(least, logprobs[i] ?? -Infinity);
      }
      return new Array<number>(to - from).fill(Math.exp(least));
    });
  }

  /** The words of some tokens, whose beginnings are in frames of 20 ms. */
  timed(from: number, to: number, starts: readonly number[], logprobs: readonly number[]): Word[] {
    const begins = wordStarts(this.pieces, this.spaced);
    const words: Word[] = [];
    for (let at = from; at < to;) {
      let end = at + 1;
      while (end < to && begins[end] !== true) end++;
      const sure = logprobs.slice(at, end).reduce((sum, logprob) => sum + Math.exp(logprob), 0) / (end - at);
      words.push({
        start: (starts[at] ?? 0) * SECONDS_PER_TIMESTAMP,
        end: (starts[end] ?? starts.at(-1) ?? 0) * SECONDS_PER_TIMESTAMP,
        word: this.text(at, end),
        probability: Math.min(1, sure),
      });
      at = end;
    }
    return words;
  }
}

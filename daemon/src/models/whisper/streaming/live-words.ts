/** Tokens of live text, grouped into words. */
import type { Word } from '#daemon/protocol/transcription.js';

import { SECONDS_PER_TIMESTAMP, type WhisperTokenizer } from '../tokenizer.js';
import {
  type HypothesisWord,
  hypothesisWords,
  wordProbabilities,
  wordStarts,
} from '../../streaming/hypothesis.js';

export class LiveWords {
  /** Text of each token; a character of several tokens belongs to the last of them. */
  readonly pieces: readonly string[];

  constructor(
    readonly tokenizer: Pick<WhisperTokenizer, 'textStream'>,
    readonly tokens: readonly number[],
    readonly isSpaced: boolean,
  ) {
    const stream = tokenizer.textStream();
    this.pieces = tokens.map((token) => stream.push(token));
  }

  text(from: number, to: number): string {
    return this.pieces.slice(from, to).join('');
  }

  dropFirst(count: number): LiveWords {
    return new LiveWords(this.tokenizer, this.tokens.slice(count), this.isSpaced);
  }

  /** The words, normalized for comparison. */
  hypothesisWords(starts: readonly number[]): HypothesisWord[] {
    return hypothesisWords(this.pieces, starts, this.isSpaced);
  }

  /** For each token, the probability of the least probable token of its word, ignoring punctuation. */
  probabilities(hypothesisWords: readonly HypothesisWord[], logprobs: readonly number[]): number[] {
    return wordProbabilities(hypothesisWords, this.pieces, logprobs.map(Math.exp));
  }

  /** Words of some tokens with their times. @param starts of the tokens, in frames of 20 ms */
  timed(from: number, to: number, starts: readonly number[], logprobs: readonly number[]): Word[] {
    const startsWord = wordStarts(this.pieces, this.isSpaced);
    const words: Word[] = [];
    for (let at = from; at < to;) {
      let end = at + 1;
      while (end < to && startsWord[end] !== true) end++;
      const probability =
        logprobs.slice(at, end).reduce((sum, logprob) => sum + Math.exp(logprob), 0) / (end - at);
      words.push({
        start: (starts[at] ?? 0) * SECONDS_PER_TIMESTAMP,
        end: (starts[end] ?? starts.at(-1) ?? 0) * SECONDS_PER_TIMESTAMP,
        word: this.text(at, end),
        probability: Math.min(1, probability),
      });
      at = end;
    }
    return words;
  }
}

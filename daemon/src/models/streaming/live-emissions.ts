/** The text of a live session whose tokens are final when they are emitted. */
import type { Word } from '#daemon/protocol/transcription.js';

import type { TimedToken } from '../pieces/piece-decoder.js';
import { wordsOf } from '../pieces/piece-words.js';
import type { SentencePieces } from '../text/sentence-pieces.js';
import { wordStarts } from './hypothesis.js';
import type { LiveUtterancesState } from './live-utterances-state.js';

export type OpenToken = LiveUtterancesState['open'][number];
export type EmissionsState = Pick<
  LiveUtterancesState,
  'open' | 'hasWords' | 'sumLogprob' | 'count' | 'lastStart'
>;

/** A longer word is none: it is committed before it ends, so that checkpoints stay small. */
const MAX_WORD_TOKENS = 40;

export class LiveEmissions {
  readonly #vocabulary: SentencePieces;
  #open: OpenToken[];
  /** Whether the utterance has committed words: its first one begins with a space. */
  #hasWords: boolean;
  #sumLogprob: number;
  #count: number;
  #lastStart: number;

  constructor(vocabulary: SentencePieces, from?: EmissionsState) {
    this.#vocabulary = vocabulary;
    this.#open = [...(from?.open ?? [])];
    this.#hasWords = from?.hasWords ?? false;
    this.#sumLogprob = from?.sumLogprob ?? 0;
    this.#count = from?.count ?? 0;
    this.#lastStart = from?.lastStart ?? 0;
  }

  get state(): EmissionsState {
    return {
      open: [...this.#open],
      hasWords: this.#hasWords,
      sumLogprob: this.#sumLogprob,
      count: this.#count,
      lastStart: this.#lastStart,
    };
  }

  /** Mean natural-log probability of all committed tokens; undefined before the first. */
  get meanLogprob(): number | undefined {
    return this.#count === 0 ? undefined : this.#sumLogprob / this.#count;
  }

  push(tokens: readonly OpenToken[]): void {
    this.#open.push(...tokens);
  }

  /** The last word, which may go on, and what may follow it. */
  tentative(isSpaced: boolean, preview: readonly OpenToken[]): string {
    return this.#texts(isSpaced, [...this.#open, ...preview]).join('');
  }

  /** Commits the words that are whole: all but the last one, or all if `isOver`. */
  commit(isSpaced: boolean, isOver: boolean): Word[] {
    const texts = this.#texts(isSpaced);
    const isAll = isOver || texts.length > MAX_WORD_TOKENS;
    const end = isAll ? texts.length : Math.max(0, wordStarts(texts, isSpaced).lastIndexOf(true));
    const committed = this.#open
      .slice(0, end)
      .map((token, i): TimedToken => ({ ...token, text: texts[i] ?? '' }));
    this.#open = this.#open.slice(end);
    for (const { probability } of committed)
      this.#sumLogprob += Math.log(Math.max(Number.MIN_VALUE, probability));
    this.#count += committed.length;
    const words = wordsOf(committed, isSpaced).filter(({ word }) => word !== '');
    if (words.length > 0) this.#hasWords = true;
    return words.map((word) => {
      this.#lastStart = Math.max(this.#lastStart, word.start);
      return { ...word, start: this.#lastStart, end: Math.max(this.#lastStart, word.end) };
    });
  }

  /** The next token begins an utterance. */
  startUtterance(): void {
    this.#hasWords = false;
  }

  #texts(isSpaced: boolean, tokens = this.#open): string[] {
    const texts = this.#vocabulary.texts(tokens.map(({ id }) => id));
    const first = this.#hasWords || !isSpaced ? -1 : texts.findIndex((text) => text !== '');
    return texts.map((text, i) => (i === first && !/^\s/.test(text) ? ` ${text}` : text));
  }
}

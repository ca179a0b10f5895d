import { type Hotwords, type HotwordState, INITIAL_STATE } from './hotword-trie.js';

/** More tokens than any word has. */
export const MAX_OPEN_TOKENS = 200;

/** The position of a text among the words, as plain numbers. */
export interface StoredHotwordState {
  /** Whether the text before the tokens ends in a word. */
  readonly isInWord: boolean;
  /** The last tokens, in which words may have started. */
  readonly tokens: readonly number[];
}

/** Follows one text token by token, for decoders that never take a token back. What it earned counts no more. */
export class HotwordTracker {
  readonly #hotwords: Hotwords;
  #isInWord: boolean;
  #tokens: number[] = [];
  #state: HotwordState;

  constructor(hotwords: Hotwords, from?: StoredHotwordState) {
    this.#hotwords = hotwords;
    this.#isInWord = from?.isInWord ?? false;
    this.#state = { ...INITIAL_STATE, isInWord: this.#isInWord };
    for (const token of from?.tokens ?? []) this.push(token);
  }

  get stored(): StoredHotwordState {
    return { isInWord: this.#isInWord, tokens: [...this.#tokens] };
  }

  push(token: number): void {
    this.#state = this.#hotwords.advance(this.#state, token);
    this.#tokens.push(token);
    if (this.#state.paths.length > 0 && this.#tokens.length < MAX_OPEN_TOKENS) return;
    this.#isInWord = this.#state.isInWord;
    this.#tokens = [];
    this.#state = { ...INITIAL_STATE, isInWord: this.#isInWord };
  }

  /** The best token, given the log-probabilities of all. */
  choose(logprobs: Float32Array): number {
    const scores = logprobs.slice();
    this.#hotwords.reward(scores, this.#state);
    let best = 0;
    for (const [token, score] of scores.entries()) if (score > (scores[best] ?? -Infinity)) best = token;
    return best;
  }
}

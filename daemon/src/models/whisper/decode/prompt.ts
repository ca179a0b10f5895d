/** The text before a window: the user's prompt and the text decoded so far. */
import type { WhisperTokenizer } from '../tokenizer.js';

export interface PromptOptions {
  /** The user's text: names, spelling, style. */
  readonly initial?: string | undefined;
  /** Whether `initial` precedes every window; otherwise growing text displaces it. */
  readonly isCarried?: boolean | undefined;
  /** Whether the text of a window is the prompt of the next one. */
  readonly isConditioned?: boolean | undefined;
  /** Half of the decoder's context less one. */
  readonly maxTokens: number;
  /** The state to continue from. */
  readonly from?: PromptState | undefined;
}

interface PromptState {
  readonly text: readonly number[];
  readonly isReset: boolean;
}

export class Prompt {
  readonly #initial: readonly number[];
  readonly #options: PromptOptions;
  /** The part of the text that still counts. */
  #text: readonly number[];
  /** Whether the text was reset once, which also drops an initial prompt that is not carried. */
  #isReset: boolean;

  constructor(tokenizer: Pick<WhisperTokenizer, 'encode'>, options: PromptOptions) {
    const { initial, maxTokens, from } = options;
    this.#options = options;
    this.#text = from?.text.slice(-maxTokens) ?? [];
    this.#isReset = from?.isReset ?? false;
    this.#initial = initial === undefined ? [] : tokenizer.encode(` ${initial.trim()}`).slice(-maxTokens);
  }

  /** Tokens before the next window, at most `maxTokens`. */
  get tokens(): readonly number[] {
    const { isCarried = false, maxTokens } = this.#options;
    if (!isCarried) return [...(this.#isReset ? [] : this.#initial), ...this.#text].slice(-maxTokens);
    const left = maxTokens - this.#initial.length;
    return [...this.#initial, ...(left > 0 ? this.#text.slice(-left) : [])];
  }

  get state(): PromptState {
    return { text: this.#text, isReset: this.#isReset };
  }

  append(tokens: readonly number[]): void {
    this.#text = [...this.#text, ...tokens].slice(-this.#options.maxTokens);
  }

  /** Ends a window. @param isTrusted false if its text was sampled at too high a temperature to condition the next */
  endWindow(isTrusted: boolean): void {
    if (isTrusted && this.#options.isConditioned !== false) return;
    this.reset();
  }

  reset(): void {
    this.#text = [];
    this.#isReset = true;
  }
}

/** What the decoder is given as said before a window: the user's prompt, and the text decoded so far. */
import type { WhisperTokenizer } from '../tokenizer.js';

export interface PromptOptions {
  /** The user's text: names, spelling, style. */
  readonly initial?: string | undefined;
  /** Whether `initial` stands in front of every window; otherwise the text pushes it out as it grows. */
  readonly carried?: boolean | undefined;
  /** Whether the text of a window leads the next one. */
  readonly conditioned?: boolean | undefined;
  /** Tokens that count: half of the decoder's context less one. */
  readonly room: number;
  /** What another one remembered. */
  readonly from?: PromptState | undefined;
}

interface PromptState {
  readonly text: readonly number[];
  readonly isReset: boolean;
}

export class Prompt {
  readonly #initial: readonly number[];
  readonly #options: PromptOptions;
  /** What of the text still leads. */
  #text: readonly number[];
  /** Whether the text has been let go of once: then an initial prompt that is not carried is gone too. */
  #isReset: boolean;

  constructor(tokenizer: Pick<WhisperTokenizer, 'encode'>, options: PromptOptions) {
    const { initial, room, from } = options;
    this.#options = options;
    this.#text = from?.text.slice(-room) ?? [];
    this.#isReset = from?.isReset ?? false;
    this.#initial = initial === undefined ? [] : tokenizer.encode(` ${initial.trim()}`).slice(-room);
  }

  /** Tokens in front of the next window, at most `room`. */
  get tokens(): readonly number[] {
    const { carried = false, room } = this.#options;
    if (!carried) return [...(this.#isReset ? [] : this.#initial), ...this.#text].slice(-room);
    const left = room - this.#initial.length;
    return [...this.#initial, ...(left > 0 ? this.#text.slice(-left) : [])];
  }

  /** What of the text leads on, beside what the options say. */
  get state(): PromptState {
    return { text: this.#text, isReset: this.#isReset };
  }

  /** A window gave these tokens. */
  heard(tokens: readonly number[]): void {
    this.#text = [...this.#text, ...tokens].slice(-this.#options.room);
  }

  /** The last window is done; with `trusted` false its text is too loose to lead on. */
  endWindow(trusted: boolean): void {
    if (trusted && this.#options.conditioned !== false) return;
    this.forget();
  }

  /** What was said so far leads no further. */
  forget(): void {
    this.#text = [];
    this.#isReset = true;
  }
}

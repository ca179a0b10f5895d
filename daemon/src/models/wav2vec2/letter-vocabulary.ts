/** The tokens of a Wav2Vec2 model: letters, a delimiter between words, a blank, and special ones without text. */
import { SottoError } from '#daemon/protocol/errors.js';

import type { TokenizerFiles } from './tokenizer-files.js';

export class LetterVocabulary {
  /** Text of each id; '' for special tokens and ids without a token. */
  readonly #texts: readonly string[];
  /** Ids of the tokens that are text, without the delimiter. */
  readonly #ids: ReadonlyMap<string, number>;
  /** Length of the longest of these, in UTF-16 units. */
  readonly #longest: number;
  readonly blank: number;
  /** Undefined if the model writes no spaces. */
  readonly delimiter: number | undefined;

  /**
   * @param language for messages; the vocabulary of `files` to use
   * @param size number of outputs of the model
   * @throws SottoError MODEL_CORRUPT for ids that the model does not have, equal ids, and a missing blank
   */
  constructor(files: TokenizerFiles, language: string | undefined, size: number) {
    const tokens = files.vocabularies.get(language) ?? {};
    const where = language === undefined ? 'vocab.json' : `vocab.json, ${language}`;
    const names = new Map<number, string>();
    for (const [name, id] of Object.entries(tokens)) {
      if (id < 0 || id >= size) throw corrupt(`${where}: ${name} is token ${id} of ${size}`);
      const other = names.get(id);
      if (other !== undefined) throw corrupt(`${where}: ${other} and ${name} are both token ${id}`);
      names.set(id, name);
    }
    // Added ids may lie behind the outputs: then the model never writes them.
    for (const [name, id] of Object.entries(files.added)) {
      if (id >= 0 && id < size && !names.has(id)) names.set(id, name);
    }
    const idOf = (name: string): number | undefined => [...names].find(([, other]) => other === name)?.[0];
    const [pad] = files.special;
    const blank = idOf(pad);
    if (blank === undefined) throw corrupt(`${where}: there is no blank token ${pad}`);
    this.blank = blank;
    this.delimiter = idOf(files.delimiter);
    const special = new Set<string>(files.special);
    const ids = new Map<string, number>();
    for (const [id, name] of names) if (id !== this.delimiter && !special.has(name)) ids.set(name, id);
    this.#ids = ids;
    this.#longest = Math.max(0, ...[...ids.keys()].map((name) => name.length));
    const texts = Array.from({ length: size }, () => '');
    for (const [name, id] of ids) texts[id] = files.isLowerCased ? name.toLowerCase() : name;
    this.#texts = texts;
  }

  /** Text of a token; '' for the delimiter and special ones. */
  textOf(id: number): string {
    return this.#texts[id] ?? '';
  }

  /** Whether it has the Latin letters of English and no others. */
  get isEnglish(): boolean {
    const letters = [...this.#ids.keys()].filter((name) => /^\p{L}$/u.test(name));
    const lower = new Set(letters.map((letter) => letter.toLowerCase()));
    return lower.size === 26 && [...lower].every((letter) => letter >= 'a' && letter <= 'z');
  }

  /**
   * The tokens of a word: letters in the case that the vocabulary has, without their marks if it lacks these.
   * Punctuation that it lacks is no token.
   *
   * @returns undefined in place of each letter or digit that has no token
   */
  encodeWord(word: string): { tokens: (number | undefined)[]; unknown: string[] } {
    const tokens: (number | undefined)[] = [];
    const unknown: string[] = [];
    const text = word.normalize('NFC').replace(/[’‘ʼ]/g, "'");
    for (let at = 0; at < text.length;) {
      const [id, length] = this.#longestAt(text, at);
      const character = String.fromCodePoint(text.codePointAt(at) ?? 0);
      if (id !== undefined) tokens.push(id);
      else {
        const base = this.#withoutMarks(character);
        if (base.length > 0) tokens.push(...base);
        else if (/[\p{L}\p{N}]/u.test(character)) {
          tokens.push(undefined);
          unknown.push(character);
        }
      }
      at += id === undefined ? character.length : length;
    }
    return { tokens, unknown };
  }

  /** Letters of a text with delimiters between its words; nothing if it has characters without tokens. */
  encode(text: string): number[] {
    const words = text
      .trim()
      .split(/\s+/)
      .map((word) => this.encodeWord(word).tokens);
    const tokens = words.flatMap((word, i) =>
      i > 0 && this.delimiter !== undefined ? [this.delimiter, ...word] : word,
    );
    const known = tokens.filter((id) => id !== undefined);
    return known.length === tokens.length ? known : [];
  }

  /** A text without delimiters has no words that begin or end: it is given as empty. */
  decode(tokens: readonly number[]): string {
    if (this.delimiter === undefined) return '';
    return tokens.map((id) => (id === this.delimiter ? ' ' : this.textOf(id))).join('');
  }

  #longestAt(text: string, at: number): [id: number | undefined, length: number] {
    for (let length = Math.min(this.#longest, text.length - at); length > 0; length--) {
      const id = this.#anyCase(text.slice(at, at + length));
      if (id !== undefined) return [id, length];
    }
    return [undefined, 0];
  }

  /** é → e, ß → ss; nothing unless all of the letters have tokens. */
  #withoutMarks(character: string): number[] {
    const plain = character.normalize('NFKD').replace(/\p{M}/gu, '').replaceAll('ß', 'ss');
    if (plain === character) return [];
    const ids = [...plain].map((letter) => this.#anyCase(letter));
    return ids.every((id) => id !== undefined) ? ids : [];
  }

  #anyCase(text: string): number | undefined {
    return this.#ids.get(text) ?? this.#ids.get(text.toUpperCase()) ?? this.#ids.get(text.toLowerCase());
  }
}

function corrupt(message: string): SottoError {
  return new SottoError('MODEL_CORRUPT', message);
}

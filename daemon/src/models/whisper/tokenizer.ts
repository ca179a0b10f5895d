/** Whisper's tokens: byte-pair ranks from `assets/vocab`, and special tokens numbered after them. */
import { readFile } from 'node:fs/promises';

import { Tiktoken } from 'tiktoken';

import { SottoError } from '#daemon/protocol/errors.js';

import type { WhisperConfig } from './config.js';
import { LANGUAGE_CODES, languageCode } from './languages.js';

const VOCAB_FOLDER = new URL('../../../../../assets/vocab/', import.meta.url);

/** How text is cut before the byte-pair merges: GPT-2's rule. */
const PRE_TOKENS = String.raw`'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+`;

/** One timestamp token is one encoder frame. */
export const SECONDS_PER_TIMESTAMP = 0.02;
const TIMESTAMPS = 1501; // 0.00 … 30.00 s

export type Task = 'transcribe' | 'translate';

/** Ids of the tokens that are not text. They depend on the size of the vocabulary. */
export interface SpecialTokens {
  readonly endOfText: number;
  readonly startOfTranscript: number;
  readonly translate: number;
  readonly transcribe: number;
  readonly startOfLm: number;
  readonly startOfPrev: number;
  readonly noSpeech: number;
  readonly noTimestamps: number;
  /** `<|0.00|>`; every id from here on is a timestamp. */
  readonly timestampBegin: number;
}

export class WhisperTokenizer {
  readonly special: SpecialTokens;
  /** Codes of the languages that the model knows, in the order of their ids. */
  readonly languages: readonly string[];
  readonly isMultilingual: boolean;
  readonly #encoding: Tiktoken;
  readonly #numRanks: number;
  readonly #numTokens: number;
  #nonSpeech: readonly number[] | undefined;

  /** The tokenizer for a model's vocabulary. Release it with `dispose`: the ranks live outside the JavaScript heap. */
  static async load(
    config: Pick<WhisperConfig, 'isMultilingual' | 'numLanguages' | 'nVocab'>,
  ): Promise<WhisperTokenizer> {
    const file = new URL(config.isMultilingual ? 'multilingual.tiktoken' : 'gpt2.tiktoken', VOCAB_FOLDER);
    return new WhisperTokenizer(await readFile(file, 'utf8'), config);
  }

  private constructor(
    vocabulary: string,
    config: Pick<WhisperConfig, 'isMultilingual' | 'numLanguages' | 'nVocab'>,
  ) {
    const ranks = parseRanks(vocabulary);
    this.isMultilingual = config.isMultilingual;
    this.languages = LANGUAGE_CODES.slice(0, config.numLanguages);
    this.#numRanks = ranks.length;
    const names = specialNames(this.languages);
    this.#numTokens = ranks.length + names.length;
    if (this.#numTokens !== config.nVocab) {
      throw new SottoError(
        'MODEL_UNSUPPORTED',
        `a vocabulary of ${config.nVocab} tokens, where Whisper's has ${this.#numTokens}`,
      );
    }
    const ids = new Map(names.map((name, i) => [name, ranks.length + i]));
    const id = (name: string): number => ids.get(name) ?? unreachable(name);
    this.special = {
      endOfText: id('<|endoftext|>'),
      startOfTranscript: id('<|startoftranscript|>'),
      translate: id('<|translate|>'),
      transcribe: id('<|transcribe|>'),
      startOfLm: id('<|startoflm|>'),
      startOfPrev: id('<|startofprev|>'),
      noSpeech: id('<|nospeech|>'),
      noTimestamps: id('<|notimestamps|>'),
      timestampBegin: id('<|0.00|>'),
    };
    // tiktoken's JavaScript form takes the ranks as lines of "! firstRank token token …". The empty token that
    // ends the multilingual file is left out: it is the last rank, so no other one moves.
    const merges = `! 0 ${ranks.filter((token) => token !== EMPTY_TOKEN).join(' ')}`;
    this.#encoding = new Tiktoken(merges, Object.fromEntries(ids), PRE_TOKENS);
  }

  /** Text to tokens; what looks like a special token in it stays text. */
  encode(text: string): number[] {
    return Array.from(this.#encoding.encode_ordinary(text));
  }

  /** Tokens to text: timestamps are dropped, bytes that are no UTF-8 become U+FFFD. */
  decode(tokens: readonly number[]): string {
    return this.decodeWithTimestamps(tokens.filter((token) => token < this.special.timestampBegin));
  }

  /** Tokens to text with timestamps written out, as in `<|1.08|>`. */
  decodeWithTimestamps(tokens: readonly number[]): string {
    return utf8().decode(this.#bytes(tokens));
  }

  /** A decoder for tokens that come one by one: a character split over several tokens is held until it is whole. */
  textStream(): TextStream {
    const decoder = utf8();
    return {
      push: (token) =>
        token >= this.special.endOfText ? '' : decoder.decode(this.#bytes([token]), { stream: true }),
      end: () => decoder.decode(),
    };
  }

  /** The id of a language's token. */
  languageToken(code: string): number {
    const index = this.languages.indexOf(code);
    if (index < 0) throw new SottoError('INVALID_ARGUMENT', `this model has no language token for "${code}"`);
    return this.special.startOfTranscript + 1 + index;
  }

  /**
   * The code of a language that this model can be asked for.
   *
   * @throws SottoError INVALID_ARGUMENT for a language it does not know.
   */
  resolveLanguage(name: string): string {
    const code = languageCode(name);
    if (code === undefined || !this.languages.includes(code) || (!this.isMultilingual && code !== 'en')) {
      const reason = this.isMultilingual ? `does not know the language "${name}"` : 'knows English only';
      throw new SottoError('INVALID_ARGUMENT', `this model ${reason}`, {
        hint: 'give a language code such as en, de or ja, or leave it out to detect the language',
      });
    }
    return code;
  }

  /** What every transcript starts with: English-only models take neither language nor task. */
  startSequence(language: string, task: Task, timestamps: boolean): number[] {
    const sequence = [this.special.startOfTranscript];
    if (this.isMultilingual) sequence.push(this.languageToken(language), this.special[task]);
    if (!timestamps) sequence.push(this.special.noTimestamps);
    return sequence;
  }

  /**
   * Tokens never sampled because they spell what nobody says: brackets around sounds, speaker tags, music signs.
   * Hyphen and apostrophe are kept inside words, so only their word-initial forms are in the list. Ascending.
   */
  get nonSpeechTokens(): readonly number[] {
    this.#nonSpeech ??= this.#findNonSpeech();
    return this.#nonSpeech;
  }

  dispose(): void {
    this.#encoding.free();
  }

  #findNonSpeech(): number[] {
    const first = (text: string): number => this.encode(text)[0] ?? unreachable(text);
    const found = new Set([first(' -'), first(" '")]);
    for (const symbol of SYMBOLS) {
      for (const form of [symbol, ` ${symbol}`]) {
        const tokens = this.encode(form);
        if (tokens.length === 1) found.add(tokens[0] ?? unreachable(form));
      }
    }
    // Each of these takes three bytes of UTF-8. Where they are several tokens, the first one already leads only
    // into the block of miscellaneous symbols, none of which is ever spoken.
    for (const sign of MUSIC_SIGNS) found.add(first(sign)).add(first(` ${sign}`));
    return [...found].sort((a, b) => a - b);
  }

  #bytes(tokens: readonly number[]): Uint8Array {
    // tiktoken aborts the whole WebAssembly instance on an id that it does not know.
    const known = tokens.filter(
      (token) =>
        token >= 0 && token < this.#numTokens && !(this.isMultilingual && token === this.#numRanks - 1),
    );
    return this.#encoding.decode(Uint32Array.from(known));
  }
}

export interface TextStream {
  /** The text that became certain with this token; tokens that are not text add none. */
  push(token: number): string;
  /** What is left at the end: U+FFFD for a character that was never completed. */
  end(): string;
}

const SYMBOLS = [
  ...'"#()*+/:;<=>@[\\]^_`{|}~「」『』',
  ...['<<', '>>', '<<<', '>>>', '--', '---', '-(', '-[', "('", '("', '((', '))', '(((', ')))', '[[', ']]'],
  ...['{{', '}}', '♪♪', '♪♪♪'],
];
const MUSIC_SIGNS = [...'♩♪♫♬♭♮♯'];

const EMPTY_TOKEN = '=';

function parseRanks(vocabulary: string): string[] {
  const ranks: string[] = [];
  for (const line of vocabulary.split('\n')) {
    if (line === '') continue;
    const [token, rank] = line.split(' ');
    if (token === undefined || Number(rank) !== ranks.length) {
      throw new SottoError('INTERNAL', `assets/vocab is damaged at rank ${ranks.length}`);
    }
    ranks.push(token);
  }
  return ranks;
}

/** Names of the special tokens in the order of their ids, which start right after the ranks. */
function specialNames(languages: readonly string[]): string[] {
  return [
    '<|endoftext|>',
    '<|startoftranscript|>',
    ...languages.map((code) => `<|${code}|>`),
    '<|translate|>',
    '<|transcribe|>',
    '<|startoflm|>',
    '<|startofprev|>',
    '<|nospeech|>',
    '<|notimestamps|>',
    ...Array.from({ length: TIMESTAMPS }, (_, i) => `<|${(i * SECONDS_PER_TIMESTAMP).toFixed(2)}|>`),
  ];
}

function utf8() {
  return new TextDecoder('utf-8', { ignoreBOM: true }); // ignore: keep U+FEFF as text
}

function unreachable(what: string): never {
  throw new SottoError('INTERNAL', `the vocabulary has no token for "${what}"`);
}

/** Whisper's tokens: byte-pair ranks from `assets/vocab`, then the special tokens. */
import { messageOf, SottoError } from '#daemon/protocol/errors.js';

import type { WhisperConfig } from './whisper-config.js';
import { LANGUAGE_CODES, languageCode } from './language/whisper-languages.js';
import { BLANK, NON_SPEECH_ENGLISH, NON_SPEECH_MULTILINGUAL } from './non-speech-tokens.js';
import { BpeVocabulary } from './bpe-vocabulary.js';

const VOCAB_FOLDER = new URL('../../../../../assets/vocab/', import.meta.url);

/** One timestamp token is one encoder frame. */
export const SECONDS_PER_TIMESTAMP = 0.02;
const TIMESTAMPS = 1501; // 0.00 … 30.00 s

export type Task = 'transcribe' | 'translate';

/** Ids of the special tokens, which depend on the size of the vocabulary. */
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
  /** Codes of the supported languages, in the order of their ids. */
  readonly languages: readonly string[];
  readonly isMultilingual: boolean;
  /** Tokens that are never sampled (non-speech-tokens.ts). Ascending. */
  readonly nonSpeechTokens: readonly number[];
  /** A single space: no transcript starts with it. */
  readonly blankToken = BLANK;
  readonly #vocabulary: BpeVocabulary;
  /** Special tokens in the order of their ids, which follow the ranks. */
  readonly #specialNames: readonly string[];

  /**
   * Release it with `dispose`: tiktoken lives outside the JavaScript heap.
   *
   * @throws SottoError TOKENIZER_FAILED for a vocabulary size that is not Whisper's, or an unreadable file
   */
  static async load(
    config: Pick<WhisperConfig, 'isMultilingual' | 'numLanguages' | 'nVocab'>,
  ): Promise<WhisperTokenizer> {
    const file = new URL(config.isMultilingual ? 'multilingual.tiktoken' : 'gpt2.tiktoken', VOCAB_FOLDER);
    let vocabulary: BpeVocabulary;
    try {
      vocabulary = await BpeVocabulary.read(file);
    } catch (cause) {
      throw new SottoError('TOKENIZER_FAILED', `cannot read Whisper’s vocabulary: ${messageOf(cause)}`, {
        hint: 'Sotto’s files are damaged: reinstall Sotto',
        cause,
      });
    }
    return new WhisperTokenizer(vocabulary, config);
  }

  private constructor(
    vocabulary: BpeVocabulary,
    config: Pick<WhisperConfig, 'isMultilingual' | 'numLanguages' | 'nVocab'>,
  ) {
    this.#vocabulary = vocabulary;
    this.isMultilingual = config.isMultilingual;
    this.nonSpeechTokens = config.isMultilingual ? NON_SPEECH_MULTILINGUAL : NON_SPEECH_ENGLISH;
    this.languages = LANGUAGE_CODES.slice(0, config.numLanguages);
    this.#specialNames = specialNames(this.languages);
    const numTokens = vocabulary.size + this.#specialNames.length;
    if (numTokens !== config.nVocab) {
      throw new SottoError(
        'TOKENIZER_FAILED',
        `the vocabulary has ${config.nVocab} tokens instead of ${numTokens}`,
      );
    }
    const id = (name: string): number => vocabulary.size + this.#specialNames.indexOf(name);
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
  }

  /** Text to tokens; special tokens in it are encoded as text. */
  encode(text: string): number[] {
    return this.#vocabulary.encode(text);
  }

  /** Tokens to text: drops timestamps; invalid UTF-8 becomes U+FFFD. */
  decode(tokens: readonly number[]): string {
    return this.decodeWithTimestamps(tokens.filter((token) => token < this.special.timestampBegin));
  }

  /** Tokens to text with timestamps as `<|1.08|>`. */
  decodeWithTimestamps(tokens: readonly number[]): string {
    return utf8().decode(this.#bytes(tokens));
  }

  /** The bytes of a text token, possibly part of a character; empty for special tokens. */
  textBytes(token: number): Buffer {
    return this.#vocabulary.bytes(token);
  }

  /** A streaming decoder: holds a character of several tokens until it is complete. */
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
    if (index < 0)
      throw new SottoError('INVALID_ARGUMENT', `this model does not support the language "${code}"`);
    return this.special.startOfTranscript + 1 + index;
  }

  /**
   * @returns the code of a supported language
   * @throws SottoError INVALID_ARGUMENT for any other language
   */
  resolveLanguage(name: string): string {
    const code = languageCode(name);
    if (code === undefined || !this.languages.includes(code) || (!this.isMultilingual && code !== 'en')) {
      const reason = this.isMultilingual
        ? `does not support the language "${name}"`
        : 'supports only English';
      throw new SottoError('INVALID_ARGUMENT', `this model ${reason}`, {
        hint: 'use a language code such as en, de or ja, or omit it to detect the language',
      });
    }
    return code;
  }

  /** The start of every transcript; English-only models have no language and task tokens. */
  startSequence(language: string, task: Task, timestamps: boolean): number[] {
    const sequence = [this.special.startOfTranscript];
    if (this.isMultilingual) sequence.push(this.languageToken(language), this.special[task]);
    if (!timestamps) sequence.push(this.special.noTimestamps);
    return sequence;
  }

  dispose(): void {
    this.#vocabulary.dispose();
  }

  #bytes(tokens: readonly number[]): Uint8Array {
    return Buffer.concat(
      tokens.map((token) => {
        const name = this.#specialNames[token - this.#vocabulary.size];
        return name === undefined ? this.#vocabulary.bytes(token) : Buffer.from(name);
      }),
    );
  }
}

interface TextStream {
  /** The text completed by this token; empty for special tokens. */
  push(token: number): string;
  /** The rest at the end: U+FFFD for an incomplete character. */
  end(): string;
}

/** Special tokens in the order of their ids. */
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
  return new TextDecoder('utf-8', { ignoreBOM: true }); // keeps U+FEFF as text
}

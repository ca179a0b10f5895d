/** Whisper's tokens: byte-pair ranks from `assets/vocab`, and special tokens numbered after them. */
import { messageOf, SottoError } from '#daemon/protocol/errors.js';

import type { WhisperConfig } from './config.js';
import { LANGUAGE_CODES, languageCode } from './language/whisper-languages.js';
import { BLANK, NON_SPEECH_ENGLISH, NON_SPEECH_MULTILINGUAL } from './non-speech-tokens.js';
import { BpeVocabulary } from './bpe-vocabulary.js';

const VOCAB_FOLDER = new URL('../../../../../assets/vocab/', import.meta.url);

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
  /** Tokens never sampled because they spell what nobody says (non-speech.ts). Ascending. */
  readonly nonSpeechTokens: readonly number[];
  /** A space by itself: what no transcript begins with. */
  readonly blankToken = BLANK;
  readonly #vocabulary: BpeVocabulary;
  /** Names of the special tokens in the order of their ids, which start right after the ranks. */
  readonly #specialNames: readonly string[];

  /**
   * The tokenizer for a model's vocabulary. Release it with `dispose`: what it encodes with lives outside the JavaScript heap.
   *
   * @throws SottoError TOKENIZER_FAILED for a vocabulary of another size than Whisper's, or if ours can't be read
   */
  static async load(
    config: Pick<WhisperConfig, 'isMultilingual' | 'numLanguages' | 'nVocab'>,
  ): Promise<WhisperTokenizer> {
    const file = new URL(config.isMultilingual ? 'multilingual.tiktoken' : 'gpt2.tiktoken', VOCAB_FOLDER);
    let vocabulary: BpeVocabulary;
    try {
      vocabulary = await BpeVocabulary.read(file);
    } catch (cause) {
      throw new SottoError('TOKENIZER_FAILED', `Whisper’s vocabulary cannot be read: ${messageOf(cause)}`, {
        hint: 'Sotto’s own files are damaged: install it again',
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
        `a vocabulary of ${config.nVocab} tokens, where Whisper's has ${numTokens}`,
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

  /** Text to tokens; what looks like a special token in it stays text. */
  encode(text: string): number[] {
    return this.#vocabulary.encode(text);
  }

  /** Tokens to text: timestamps are dropped, bytes that are no UTF-8 become U+FFFD. */
  decode(tokens: readonly number[]): string {
    return this.decodeWithTimestamps(tokens.filter((token) => token < this.special.timestampBegin));
  }

  /** Tokens to text with timestamps written out, as in `<|1.08|>`. */
  decodeWithTimestamps(tokens: readonly number[]): string {
    return utf8().decode(this.#bytes(tokens));
  }

  /** The bytes of a token that is text, which may be part of a character; none of another one. */
  textBytes(token: number): Buffer {
    return this.#vocabulary.bytes(token);
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
  /** The text that became certain with this token; tokens that are not text add none. */
  push(token: number): string;
  /** What is left at the end: U+FFFD for a character that was never completed. */
  end(): string;
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

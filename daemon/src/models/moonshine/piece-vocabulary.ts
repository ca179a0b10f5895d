/** `tokenizer.json` of transformers with SentencePiece's pieces: ids to text, and text to ids. */
import { join } from 'node:path';
import * as v from 'valibot';

import { SottoError } from '#daemon/protocol/errors.js';
import { integer } from '#daemon/protocol/fields.js';
import { MODEL_FILE } from '#daemon/protocol/file-errors.js';
import { readSmallFile } from '#daemon/read-small-file.js';

import { MAX_CONFIG_BYTES } from '../config-file.js';
import { PieceEncoder } from '../text/piece-encoder.js';

export const TOKENIZER_FILE = 'tokenizer.json';
/** SentencePiece writes a space as U+2581. */
const SPACE = /\u2581/g;
/** A piece that is one byte of a character. */
const BYTE = /^<0x([0-9A-Fa-f]{2})>$/;

const id = v.pipe(integer, v.minValue(0));
const tokenizerFile = v.object({
  model: v.object({ type: v.literal('BPE'), vocab: v.record(v.string(), id) }),
  added_tokens: v.optional(
    v.array(v.object({ id, content: v.string(), special: v.optional(v.boolean(), false) })),
    [],
  ),
});

/** A token's text, or one byte of a character. */
type PieceText = string | number;

export class PieceVocabulary {
  readonly #pieces: readonly PieceText[];
  /** Ids of the pieces of text, the added ones left out. */
  readonly #ids: ReadonlyMap<string, number>;
  #encoder: PieceEncoder | undefined;

  private constructor(pieces: readonly PieceText[], ids: ReadonlyMap<string, number>) {
    this.#pieces = pieces;
    this.#ids = ids;
  }

  /**
   * Reads the vocabulary of a model directory.
   *
   * @param size number of tokens of the network; larger ids are refused
   * @throws SottoError TOKENIZER_FAILED naming the file; MODEL_NOT_FOUND, MODEL_UNREADABLE
   */
  static load(dir: string, size: number): PieceVocabulary {
    const path = join(dir, TOKENIZER_FILE);
    const text = readSmallFile(path, MAX_CONFIG_BYTES, MODEL_FILE);
    const fail = (problem: string, cause?: unknown): SottoError =>
      new SottoError('TOKENIZER_FAILED', `${path}: ${problem}`, cause === undefined ? {} : { cause });
    let json: unknown;
    try {
      json = JSON.parse(text);
    } catch (cause) {
      throw fail('not JSON', cause);
    }
    const parsed = v.safeParse(tokenizerFile, json);
    if (!parsed.success) {
      const [issue] = parsed.issues;
      throw fail(`${v.getDotPath(issue) ?? 'the file'}: ${issue.message}`);
    }
    const { model, added_tokens: added } = parsed.output;
    const pieces = Array.from<unknown, PieceText>({ length: size }, () => '');
    let known = 0;
    const set = (at: number, piece: string, value: PieceText): void => {
      if (at >= size) throw fail(`${JSON.stringify(piece)} has id ${at}, but the model has ${size} tokens`);
      pieces[at] = value;
      known = Math.max(known, at + 1);
    };
    const ids = new Map<string, number>();
    for (const [piece, at] of Object.entries(model.vocab)) {
      set(at, piece, textOf(piece));
      ids.set(piece.replace(SPACE, ' '), at);
    }
    for (const { id: at, content, special } of added) {
      set(at, content, special ? '' : textOf(content));
      ids.delete(content);
    }
    if (known < size) throw fail(`it has ${known} tokens, but the model ${size}`);
    return new PieceVocabulary(pieces, ids);
  }

  /** Tokens of plain text; nothing if a character has none. */
  encode(text: string): number[] {
    this.#encoder ??= new PieceEncoder(this.#ids);
    return this.#encoder.encode(text);
  }

  decode(tokens: readonly number[]): string {
    return this.texts(tokens).join('');
  }

  /**
   * Texts of the tokens; empty for special and unknown ones. A character of several bytes belongs to the last of them. As
   * in transformers, each of a run of bytes that are no UTF-8 becomes U+FFFD.
   */
  texts(tokens: readonly number[]): string[] {
    const texts: string[] = [];
    let run: number[] = [];
    const endRun = (): void => {
      texts.push(...textsOfBytes(run));
      run = [];
    };
    for (const token of tokens) {
      const piece = this.#pieces[token] ?? '';
      if (typeof piece === 'number') run.push(piece);
      else {
        endRun();
        texts.push(piece);
      }
    }
    endRun();
    return texts;
  }
}

/** One text for each byte. */
function textsOfBytes(bytes: readonly number[]): string[] {
  const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }); // keeps U+FEFF as text
  try {
    const texts = bytes.map((byte) => decoder.decode(Uint8Array.of(byte), { stream: true }));
    decoder.decode(); // fails for an incomplete character
    return texts;
  } catch {
    return bytes.map(() => '\uFFFD');
  }
}

function textOf(piece: string): PieceText {
  const [, hex] = BYTE.exec(piece) ?? [];
  return hex === undefined ? piece.replace(SPACE, ' ') : parseInt(hex, 16);
}

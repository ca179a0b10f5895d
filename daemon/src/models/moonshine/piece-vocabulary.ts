/** `tokenizer.json` of transformers with SentencePiece's pieces: ids to text. */
import { join } from 'node:path';
import * as v from 'valibot';

import { SottoError } from '#daemon/protocol/errors.js';
import { integer } from '#daemon/protocol/fields.js';
import { MODEL_FILE } from '#daemon/protocol/file-errors.js';
import { readSmallFile } from '#daemon/read-small-file.js';

import { MAX_CONFIG_BYTES } from '../config-file.js';

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

/** The bytes of each token; empty for one without text. */
export class PieceVocabulary {
  readonly #bytes: readonly Buffer[];

  private constructor(bytes: readonly Buffer[]) {
    this.#bytes = bytes;
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
    const bytes = Array.from<unknown, Buffer>({ length: size }, () => Buffer.alloc(0));
    const set = (at: number, piece: string, value: Buffer): void => {
      if (at >= size) throw fail(`${JSON.stringify(piece)} has id ${at}, but the model has ${size} tokens`);
      bytes[at] = value;
    };
    for (const [piece, at] of Object.entries(model.vocab)) set(at, piece, bytesOf(piece));
    for (const { id: at, content, special } of added)
      set(at, content, special ? Buffer.alloc(0) : bytesOf(content));
    return new PieceVocabulary(bytes);
  }

  /** The bytes of a token, possibly part of a character; empty for special and unknown tokens. */
  bytes(token: number): Buffer {
    return this.#bytes[token] ?? Buffer.alloc(0);
  }

  /** Texts of the tokens. A character of several tokens belongs to the last of them; invalid UTF-8 becomes U+FFFD. */
  texts(tokens: readonly number[]): string[] {
    const decoder = new TextDecoder('utf-8', { ignoreBOM: true }); // keeps U+FEFF as text
    const texts = tokens.map((token) => decoder.decode(this.bytes(token), { stream: true }));
    const rest = decoder.decode();
    if (rest !== '' && texts.length > 0) texts.push((texts.pop() ?? '') + rest);
    return texts;
  }
}

function bytesOf(piece: string): Buffer {
  const [, hex] = BYTE.exec(piece) ?? [];
  return hex === undefined ? Buffer.from(piece.replace(SPACE, ' ')) : Buffer.from(hex, 'hex');
}

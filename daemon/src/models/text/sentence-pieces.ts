/** The pieces of a SentencePiece vocabulary, from the files that the layouts have. */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import * as v from 'valibot';

import { SottoError } from '#daemon/protocol/errors.js';
import { MODEL_FILE } from '#daemon/protocol/file-errors.js';
import { integer } from '#daemon/protocol/fields.js';
import { readSmallFile } from '#daemon/read-small-file.js';

import { PieceEncoder } from './piece-encoder.js';

export const TOKENIZER_FILE = 'tokenizer.json';
/** That of a vocabulary of 13,000 pieces has 1 MB. */
const MAX_TOKENIZER_BYTES = 64 * 2 ** 20;

/** `tokenizer.json` of the library tokenizers: Unigram lists its pieces in order, other models have ids. */
const tokenizerFile = v.object({
  model: v.object({
    vocab: v.union([
      v.record(v.string(), integer),
      v.array(
        v.pipe(
          v.looseTuple([v.string()]),
          v.transform(([piece]) => piece),
        ),
      ),
    ]),
  }),
  added_tokens: v.optional(
    v.array(v.object({ id: integer, content: v.string(), special: v.optional(v.boolean(), false) })),
    [],
  ),
});

/** Where words begin. */
const SPACE = /\u2581/g;
/** Pieces that stand for no text. */
const SPECIAL = /^<(?:unk|pad|s|\/s|blank|\|.*\||[a-z]{2}-[A-Z]{2})>$/;
/** Stands for a token that the vocabulary does not have, or whose text is not to be shown. */
const NO_TEXT = '<pad>';
const BYTE = /^<0x([0-9A-F]{2})>$/;

interface PiecesConfig {
  /** By id, if `config.json` has them. */
  readonly vocabulary?: readonly string[];
  /** Their number, without the blank. */
  readonly tokens: number;
}

export class SentencePieces {
  #encoder: PieceEncoder | undefined;

  /** @param pieces by id; those that stand for no text have the form of a special token */
  constructor(readonly pieces: readonly string[]) {}

  /**
   * The vocabulary of a model directory.
   *
   * @throws SottoError TOKENIZER_FAILED naming the file
   */
  static load(dir: string, { vocabulary, tokens }: PiecesConfig): SentencePieces {
    return new SentencePieces(vocabulary ?? piecesOf(join(dir, TOKENIZER_FILE), tokens));
  }

  /** Tokens of plain text; nothing if a character has none. */
  encode(text: string): number[] {
    this.#encoder ??= new PieceEncoder(
      this.pieces.flatMap((piece, id) =>
        SPECIAL.test(piece) ? [] : [[piece.replace(SPACE, ' '), id] as const],
      ),
    );
    return this.#encoder.encode(text);
  }

  decode(ids: readonly number[]): string {
    return this.texts(ids).join('');
  }

  /**
   * The text of each token. A word begins with a space; a character of several tokens belongs to the last of them, and
   * bytes that are no character are `\uFFFD`.
   */
  texts(ids: readonly number[]): string[] {
    const bytes = new TextDecoder();
    return ids.map((id, i) => {
      const piece = this.pieces[id] ?? NO_TEXT;
      if (SPECIAL.test(piece)) return '';
      const [, hex] = BYTE.exec(piece) ?? [];
      if (hex === undefined) return piece.replace(SPACE, ' ');
      const isLast = !BYTE.test(this.pieces[ids[i + 1] ?? -1] ?? NO_TEXT);
      return bytes.decode(Uint8Array.of(Number.parseInt(hex, 16)), { stream: !isLast });
    });
  }
}

/** @param tokens ids of the model without the blank, which the file may have too */
function piecesOf(path: string, tokens: number): string[] {
  if (!existsSync(path)) {
    throw new SottoError('TOKENIZER_FAILED', `${path} is missing, and config.json has no vocabulary`, {
      hint: 'download all files of the model',
    });
  }
  let json: unknown;
  try {
    json = JSON.parse(readSmallFile(path, MAX_TOKENIZER_BYTES, MODEL_FILE));
  } catch (cause) {
    if (cause instanceof SottoError) throw cause;
    throw new SottoError('TOKENIZER_FAILED', `${path} is not JSON`, { cause });
  }
  const parsed = v.safeParse(tokenizerFile, json);
  if (!parsed.success) {
    const [issue] = parsed.issues;
    throw new SottoError('TOKENIZER_FAILED', `${path}: ${v.getDotPath(issue) ?? ''}: ${issue.message}`);
  }
  const { model, added_tokens: added } = parsed.output;
  const pieces = new Array<string>(tokens).fill(NO_TEXT);
  let known = 0;
  const set = (piece: string, id: number): void => {
    known = Math.max(known, id + 1);
    if (id >= 0 && id < tokens) pieces[id] = piece;
  };
  if (Array.isArray(model.vocab)) for (const [id, piece] of model.vocab.entries()) set(piece, id);
  else for (const [piece, id] of Object.entries(model.vocab)) set(piece, id);
  for (const { id, content, special } of added)
    set(special && !SPECIAL.test(content) ? NO_TEXT : content, id);
  if (known < tokens)
    throw new SottoError('TOKENIZER_FAILED', `${path} has ${known} pieces, but the model ${tokens} tokens`);
  return pieces;
}

/**
 * The tokens of `assets/vocab`: one per line, in base64, with its rank. Splitting 50,000 lines and building tiktoken's table
 * takes longer than decoding a short clip, so opening only finds the lines; tokens are decoded on demand, and tiktoken is
 * built when text is first encoded.
 */
import { readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';

import type * as tiktoken from 'tiktoken';

import { SottoError } from '#daemon/protocol/errors.js';

/** GPT-2's pre-tokenization. */
const PRE_TOKENS = String.raw`'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+`;

/** The multilingual file ends with an empty token, which no text encodes to. */
const EMPTY_TOKEN = '=';

export class BpeVocabulary {
  /** Ranks are 0 … size - 1. */
  readonly size: number;
  readonly #file: string;
  /** Offset of each rank's line, and the end of the last one. */
  readonly #lines: Uint32Array;
  #encoding: tiktoken.Tiktoken | undefined;

  /** @throws SottoError INTERNAL for a damaged file; lines are validated on use. */
  static async read(file: URL): Promise<BpeVocabulary> {
    return new BpeVocabulary(await readFile(file, 'latin1'));
  }

  private constructor(file: string) {
    this.#file = file;
    const lines = new Uint32Array(1 << 16);
    let count = 0;
    for (let at = 0; at < file.length && count < lines.length - 1; count++) {
      lines[count] = at;
      const end = file.indexOf('\n', at);
      at = end < 0 ? file.length : end + 1;
      lines[count + 1] = at;
    }
    this.#lines = lines.slice(0, count + 1);
    this.size = count;
    if (count === 0) throw damaged(0);
    this.#base64(count - 1); // detects a truncated file
  }

  /** The bytes of a token; empty for an unknown rank. */
  bytes(rank: number): Buffer {
    if (!Number.isInteger(rank) || rank < 0 || rank >= this.size) return Buffer.alloc(0);
    return Buffer.from(this.#base64(rank), 'base64');
  }

  /** Text to tokens, without special tokens. */
  encode(text: string): number[] {
    this.#encoding ??= this.#makeEncoding();
    return Array.from(this.#encoding.encode_ordinary(text));
  }

  /** Frees memory outside the JavaScript heap. */
  dispose(): void {
    this.#encoding?.free();
    this.#encoding = undefined;
  }

  #base64(rank: number): string {
    const line = this.#file.slice(this.#lines[rank], this.#lines[rank + 1]).trimEnd();
    const space = line.indexOf(' ');
    if (space < 1 || line.slice(space + 1) !== String(rank)) throw damaged(rank);
    return line.slice(0, space);
  }

  #makeEncoding(): tiktoken.Tiktoken {
    const { Tiktoken } = createRequire(import.meta.url)('tiktoken') as typeof tiktoken;
    // tiktoken's JavaScript build takes ranks as lines of "! firstRank token token …". The empty token has the last rank, so
    // leaving it out moves no other.
    const tokens = Array.from({ length: this.size }, (_, rank) => this.#base64(rank));
    const merges = `! 0 ${tokens.filter((token) => token !== EMPTY_TOKEN).join(' ')}`;
    return new Tiktoken(merges, {}, PRE_TOKENS);
  }
}

function damaged(rank: number): SottoError {
  return new SottoError('INTERNAL', `assets/vocab is damaged at rank ${rank}`);
}

/**
 * The tokens of `assets/vocab`, read where they lie: one token a line, in base64, with its rank. Turning 50,000 lines
 * into strings, and those into tiktoken's table, takes longer than a short clip takes to be heard; so opening one only
 * finds the lines, a token is decoded when it is wanted, and tiktoken is made when text is first turned into tokens.
 */
import { readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';

import type * as tiktoken from 'tiktoken';

import { SottoError } from '#daemon/protocol/errors.js';

/** How text is cut before the byte-pair merges: GPT-2's rule. */
const PRE_TOKENS = String.raw`'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+`;

/** The multilingual file ends with a token of no bytes: a rank that nothing is encoded to. */
const EMPTY_TOKEN = '=';

export class BpeVocabulary {
  /** Ranks are 0 … size - 1. */
  readonly size: number;
  readonly #file: string;
  /** Where the line of each rank begins, and behind them where the last one ends. */
  readonly #lines: Uint32Array;
  #encoding: tiktoken.Tiktoken | undefined;

  /** @throws SottoError INTERNAL if the file is not what it should be; its lines are checked as they are used. */
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
    this.#base64(count - 1); // a file cut off shows at its end
  }

  /** The bytes of a token; none for a rank that is not there. */
  bytes(rank: number): Buffer {
    if (!Number.isInteger(rank) || rank < 0 || rank >= this.size) return Buffer.alloc(0);
    return Buffer.from(this.#base64(rank), 'base64');
  }

  /** Text to tokens; nothing in it is special. */
  encode(text: string): number[] {
    this.#encoding ??= this.#makeEncoding();
    return Array.from(this.#encoding.encode_ordinary(text));
  }

  /** Frees what lives outside the JavaScript heap. */
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
    // Its JavaScript form takes the ranks as lines of "! firstRank token token …". The empty token is the last rank,
    // so that no other one moves when it is left out.
    const tokens = Array.from({ length: this.size }, (_, rank) => this.#base64(rank));
    const merges = `! 0 ${tokens.filter((token) => token !== EMPTY_TOKEN).join(' ')}`;
    return new Tiktoken(merges, {}, PRE_TOKENS);
  }
}

function damaged(rank: number): SottoError {
  return new SottoError('INTERNAL', `assets/vocab is damaged at rank ${rank}`);
}

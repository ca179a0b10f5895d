/**
 * Text to the tokens of a SentencePiece vocabulary: byte-pair encoding (Sennrich et al., arXiv 1508.07909), whose merges
 * have the order of the ids, as SentencePiece numbers its pieces. So no list of merges is needed, which converted models
 * often lack.
 */

/** What stands for one byte of a character that has no piece. */
const BYTE = /^<0x([0-9A-Fa-f]{2})>$/;
const UPPERCASE = /\p{Lu}/u;

/** A run of characters that is one token so far, linked to its neighbors. */
interface Part {
  text: string;
  /** Of the piece that this part and the next one form; Infinity if there is none. */
  pair: number;
}

export class PieceEncoder {
  readonly #ids = new Map<string, number>();
  readonly #bytes = new Map<number, number>();
  /** Whether the vocabulary has no capital letters. */
  readonly isLowercase: boolean;

  /** @param pieces texts, with a space where a word begins, and `<0x41>` for bytes; those of special tokens are left out */
  constructor(pieces: Iterable<readonly [piece: string, id: number]>) {
    let isLowercase = true;
    for (const [piece, id] of pieces) {
      const [, hex] = BYTE.exec(piece) ?? [];
      if (hex !== undefined) this.#bytes.set(Number.parseInt(hex, 16), id);
      else if (piece !== '' && id < (this.#ids.get(piece) ?? Infinity)) this.#ids.set(piece, id);
      if (hex === undefined && UPPERCASE.test(piece)) isLowercase = false;
    }
    this.isLowercase = isLowercase;
  }

  /** @returns nothing if a character has no tokens. In lower case if the vocabulary has no other */
  encode(text: string): number[] {
    const normal = text.normalize('NFC');
    const parts = [...(this.isLowercase ? normal.toLowerCase() : normal)].map((one): Part => ({
      text: one,
      pair: Infinity,
    }));
    for (const i of parts.keys()) this.#link(parts, i);
    for (;;) {
      let best = -1;
      let lowest = Infinity;
      for (const [i, { pair }] of parts.entries()) if (pair < lowest) [best, lowest] = [i, pair];
      const [left, right] = [parts[best], parts[best + 1]];
      if (left === undefined || right === undefined) break;
      left.text += right.text;
      parts.splice(best + 1, 1);
      this.#link(parts, best);
      if (best > 0) this.#link(parts, best - 1);
    }
    const tokens: number[] = [];
    for (const part of parts) {
      const found = this.#tokensOf(part.text);
      if (found === undefined) return [];
      tokens.push(...found);
    }
    return tokens;
  }

  #link(parts: readonly Part[], i: number): void {
    const [part, next] = [parts[i], parts[i + 1]];
    if (part === undefined) return;
    part.pair = (next && this.#ids.get(part.text + next.text)) ?? Infinity;
  }

  #tokensOf(text: string): number[] | undefined {
    const id = this.#ids.get(text);
    if (id !== undefined) return [id];
    const bytes = [...new TextEncoder().encode(text)].map((byte) => this.#bytes.get(byte));
    const known = bytes.filter((byte) => byte !== undefined);
    return known.length === bytes.length ? known : undefined;
  }
}

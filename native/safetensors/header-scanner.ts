/**
 * A strict parser for the JSON of a safetensors header. `JSON.parse` keeps the last of two equal keys and
 * silently rounds large integers, so it cannot validate a file. The header needs only objects, strings and
 * lists of natural numbers at a fixed depth: the parser follows that grammar and reports every key,
 * duplicates included, to the caller.
 */

/** Carries the position; the validator adds file and tensor. */
export class HeaderSyntaxError extends Error {
  override readonly name = 'HeaderSyntaxError';
}

const MAX_DIGITS = 16; // of 2^53 - 1
const ESCAPES = '"\\/bfnrt'; // and \uXXXX
const LONE_SURROGATE = /\p{Surrogate}/u;
// eslint-disable-next-line no-control-regex -- control characters must not match
const PLAIN_STRING = /"[^"\\\u0000-\u001f]*"/y;
const NATURAL = /(?:0|[1-9][0-9]{0,14})(?![0-9.eE])/y;
const SPACE = /[ \t\n\r]*/y;

export class HeaderScanner {
  readonly #text: string;
  #position = 0;

  constructor(text: string) {
    this.#text = text;
  }

  /** The next non-whitespace character without consuming it; '' at the end. */
  peek(): string {
    // Most writers emit no whitespace, and a header has thousands of tokens.
    if (this.#text.charCodeAt(this.#position) <= 0x20) this.#match(SPACE);
    return this.#text[this.#position] ?? '';
  }

  /** Reads an object. `entry` is called after each `"key":` and must consume the value. */
  object(entry: (key: string) => void): void {
    this.#expect('{');
    if (this.#skip('}')) return;
    do {
      const key = this.string();
      this.#expect(':');
      entry(key);
    } while (this.#skip(','));
    this.#expect('}');
  }

  string(): string {
    this.peek();
    const plain = this.#match(PLAIN_STRING);
    if (plain !== undefined) return plain.slice(1, -1);
    this.#expect('"');
    const start = this.#position;
    for (let character = this.#consume(); character !== '"'; character = this.#consume()) {
      if (character < ' ')
        throw this.#error('a raw control character in a string, or an unterminated string');
      if (character === '\\') this.#escape();
    }
    const body = this.#text.slice(start, this.#position - 1);
    if (!body.includes('\\')) return body;
    // Escapes are checked above, so JSON.parse of one string can only add lone surrogates.
    const value = String(JSON.parse(`"${body}"`));
    if (LONE_SURROGATE.test(value)) throw this.#error('half of a surrogate pair');
    return value;
  }

  /** Reads `[n, n, …]`: at most `limit` natural numbers below 2^53. */
  naturals(limit: number): number[] {
    const values: number[] = [];
    this.#expect('[');
    if (this.#skip(']')) return values;
    do {
      if (values.length === limit) throw this.#error(`more than ${limit} numbers in a list`);
      values.push(this.#natural());
    } while (this.#skip(','));
    this.#expect(']');
    return values;
  }

  /** Consumes `null` if it is next. */
  null(): boolean {
    this.peek();
    if (!this.#text.startsWith('null', this.#position)) return false;
    this.#position += 4;
    return true;
  }

  /** Requires the end; whitespace may precede it (writers pad the header with spaces). */
  end(): void {
    if (this.peek() !== '') throw this.#error('text after the closing brace');
  }

  #skip(character: string): boolean {
    if (this.peek() !== character) return false;
    this.#position += 1;
    return true;
  }

  #expect(character: string): void {
    if (!this.#skip(character)) throw this.#error(`something other than ${character}`);
  }

  /** Consumes one character; '' (which sorts before every character) at the end. */
  #consume(): string {
    const character = this.#text[this.#position] ?? '';
    this.#position += character.length;
    return character;
  }

  #escape(): void {
    const character = this.#consume();
    if (character === 'u') {
      const digits = this.#text.slice(this.#position, this.#position + 4);
      if (!/^[0-9a-fA-F]{4}$/.test(digits)) throw this.#error('a bad escape in a string');
      this.#position += 4;
    } else if (character === '' || !ESCAPES.includes(character)) {
      throw this.#error('a bad escape in a string');
    }
  }

  #natural(): number {
    this.peek();
    const plain = this.#match(NATURAL);
    if (plain !== undefined) return Number(plain);
    const start = this.#position;
    while (this.#position - start <= MAX_DIGITS && /^[0-9]$/.test(this.#text[this.#position] ?? ''))
      this.#position += 1;
    const digits = this.#text.slice(start, Math.min(this.#position, start + MAX_DIGITS + 1));
    const value = Number(digits);
    const isCanonical = /^(?:0|[1-9][0-9]*)$/.test(digits) && digits.length <= MAX_DIGITS;
    const hasFractionOrExponent = /^[.eE]$/.test(this.#text[this.#position] ?? ''); // 1.5, 1e3
    if (!isCanonical || hasFractionOrExponent || !Number.isSafeInteger(value)) {
      throw this.#error('something other than an integer from 0 to 2^53 - 1');
    }
    return value;
  }

  /** Consumes and returns what the sticky `pattern` matches at the current position. */
  #match(pattern: RegExp): string | undefined {
    pattern.lastIndex = this.#position;
    const found = pattern.exec(this.#text)?.[0];
    this.#position += found?.length ?? 0;
    return found;
  }

  #error(what: string): HeaderSyntaxError {
    return new HeaderSyntaxError(`found ${what} at character ${this.#position}`);
  }
}

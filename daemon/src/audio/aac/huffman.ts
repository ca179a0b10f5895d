import { type BitReader } from './bit-reader.js';
import { type CodeBook, SCALE_FACTOR_BOOK, SPECTRAL_BOOKS } from './code-books.js';

/** Codes up to this length are decoded with one table lookup, the few longer ones bit by bit. */
const LOOKUP_BITS = 10;

class HuffmanDecoder {
  /** Indexed by the next LOOKUP_BITS bits: symbol · 32 + code word length, or 0 for a longer code word. */
  readonly #lookup = new Uint16Array(1 << LOOKUP_BITS);
  /** The values of all symbols, `tuple` per symbol. */
  readonly tuples: Int8Array;

  constructor(readonly book: CodeBook) {
    const { lengths, symbols, tuple, values, signed } = book;
    const smallest = signed ? -(values - 1) / 2 : 0;
    this.tuples = new Int8Array(values ** tuple * tuple);
    for (let symbol = 0; symbol < values ** tuple; symbol++) {
      for (let i = tuple - 1, rest = symbol; i >= 0; i--, rest = Math.floor(rest / values)) {
        this.tuples[symbol * tuple + i] = (rest % values) + smallest;
      }
    }
    let code = 0;
    let next = 0;
    for (const [i, count] of lengths.entries()) {
      const length = i + 1;
      for (let n = 0; n < count; n++, code++, next++) {
        if (length > LOOKUP_BITS) continue;
        const from = code << (LOOKUP_BITS - length);
        this.#lookup.fill((symbols[next] ?? 0) * 32 + length, from, from + (1 << (LOOKUP_BITS - length)));
      }
      code <<= 1;
    }
  }

  read(bits: BitReader): number {
    const found = this.#lookup[bits.peek(LOOKUP_BITS)] ?? 0;
    if (found === 0) return this.#readLong(bits);
    bits.skip(found & 31);
    return found >>> 5;
  }

  /** Canonical decoding: the codes of one length are consecutive numbers. */
  #readLong(bits: BitReader): number {
    let first = 0;
    let index = 0;
    for (const [i, count] of this.book.lengths.entries()) {
      const code = bits.peek(i + 1);
      if (code - first < count) {
        bits.skip(i + 1);
        return this.book.symbols[index + code - first] ?? 0;
      }
      index += count;
      first = (first + count) << 1;
    }
    throw new RangeError('unknown AAC code word');
  }
}

const scaleFactors = new HuffmanDecoder(SCALE_FACTOR_BOOK);
const spectral = SPECTRAL_BOOKS.map((book) => new HuffmanDecoder(book));
const ESCAPE_BOOK = 11;
const ESCAPE = 16;

/** Reads a scale factor difference, −60 to 60. */
export function readScaleFactorDelta(bits: BitReader): number {
  return scaleFactors.read(bits) - 60;
}

/** Reads quantized spectral values of book 1 to 11 into `values[start … end)`; the length is a multiple of 4. */
export function readSpectrum(
  bits: BitReader,
  bookNumber: number,
  values: Int16Array,
  start: number,
  end: number,
): void {
  const decoder = spectral[bookNumber - 1];
  if (decoder === undefined) throw new RangeError(`unknown spectral code book ${bookNumber}`);
  const { tuples } = decoder;
  const { tuple, signed } = decoder.book;
  for (let at = start; at < end; at += tuple) {
    const from = decoder.read(bits) * tuple;
    for (let i = 0; i < tuple; i++) values[at + i] = tuples[from + i] as number;
    if (signed) continue;
    for (let i = at; i < at + tuple; i++) {
      if (values[i] !== 0 && bits.flag()) values[i] = -(values[i] as number);
    }
    if (bookNumber !== ESCAPE_BOOK) continue;
    for (let i = at; i < at + tuple; i++) {
      const value = values[i] as number;
      if (Math.abs(value) === ESCAPE) values[i] = Math.sign(value) * readEscape(bits);
    }
  }
}

/** Reads a value of 16 or more: a one for each bit beyond five, a zero, and the bits below the highest one. */
function readEscape(bits: BitReader): number {
  let count = 4;
  while (bits.flag()) {
    count++;
    if (count > 12) throw new RangeError('AAC escape sequence beyond 8191');
  }
  return (1 << count) | bits.read(count);
}

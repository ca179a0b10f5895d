/**
 * Splits text and queries into tokens for the search, without case and accents. Done here and not by the database's
 * tokenizer, so that matches can be highlighted in the text, and so that any part of a sentence is found in
 * Chinese, Japanese and Thai, which have no spaces between words: each of their characters is a token.
 */

export interface Token {
  /** The form that is compared. */
  readonly token: string;
  /** Position in the text, in UTF-16 units. */
  readonly start: number;
  readonly end: number;
}

const UNSPACED =
  '\\p{Script=Han}\\p{Script=Hiragana}\\p{Script=Katakana}ー\\p{Script=Thai}\\p{Script=Lao}\\p{Script=Khmer}\\p{Script=Myanmar}';
const TOKENS = new RegExp(`[${UNSPACED}]\\p{M}*|(?:(?![${UNSPACED}])[\\p{L}\\p{M}\\p{N}])+`, 'gu');

/**
 * Accents of Latin, Greek and Cyrillic, points of Hebrew and Arabic. In other scripts, marks are part of the
 * letter.
 */
const ACCENTS = /[\u0300-\u036f\u0591-\u05c7\u064b-\u065f\u0670]/gu;
const NO_LETTER = /[^\p{L}\p{M}\p{N}]/gu;

/** Letters that users type without their marks, although Unicode doesn't decompose them. */
const PLAIN: Readonly<Record<string, string>> = {
  ß: 'ss',
  æ: 'ae',
  œ: 'oe',
  ø: 'o',
  đ: 'd',
  ð: 'd',
  þ: 'th',
  ł: 'l',
  ı: 'i',
  ς: 'σ',
};
const NOT_PLAIN = new RegExp(`[${Object.keys(PLAIN).join('')}]`, 'gu');

export function tokenize(text: string): Token[] {
  const tokens: Token[] = [];
  for (const { 0: found, index } of text.matchAll(TOKENS)) {
    const token = fold(found);
    if (token !== '') tokens.push({ token, start: index, end: index + found.length });
  }
  return tokens;
}

function fold(word: string): string {
  return word
    .normalize('NFKD')
    .replace(ACCENTS, '')
    .normalize('NFC')
    .toLowerCase()
    .replace(NOT_PLAIN, (letter) => PLAIN[letter] ?? letter)
    .replace(NO_LETTER, '');
}

/**
 * Text cut into what is searched for: words without case and accents, on both sides the same way. Done here and not by the
 * tokenizer of the database, so that a hit can be shown in the text, and that Chinese, Japanese and Thai, which put no
 * spaces between words, are found by any part of a sentence: each of their characters is a token.
 */

export interface Token {
  /** As it is compared. */
  readonly token: string;
  /** Where it stands in the text, in UTF-16 units. */
  readonly start: number;
  readonly end: number;
}

const UNSPACED =
  '\\p{Script=Han}\\p{Script=Hiragana}\\p{Script=Katakana}ー\\p{Script=Thai}\\p{Script=Lao}\\p{Script=Khmer}\\p{Script=Myanmar}';
const TOKENS = new RegExp(`[${UNSPACED}]\\p{M}*|(?:(?![${UNSPACED}])[\\p{L}\\p{M}\\p{N}])+`, 'gu');

/** Accents of Latin, Greek and Cyrillic, points of Hebrew and Arabic. Marks of other scripts are letters there. */
const ACCENTS = /[\u0300-\u036f\u0591-\u05c7\u064b-\u065f\u0670]/gu;
const NO_LETTER = /[^\p{L}\p{M}\p{N}]/gu;

/** Letters that are no letter with an accent to Unicode, yet to who types. */
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

/**
 * Scripts without spaces between words, for a character class of a regular expression with the flag `u`. Next to such a
 * character, no word boundary can be detected.
 */
export const UNSPACED_SCRIPTS =
  '\\p{Script=Han}\\p{Script=Hiragana}\\p{Script=Katakana}\\p{Script=Thai}\\p{Script=Lao}\\p{Script=Khmer}\\p{Script=Myanmar}';

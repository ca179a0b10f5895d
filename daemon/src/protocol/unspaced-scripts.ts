/**
 * Scripts that write words without spaces between them, for a class of a regular expression with the flag `u`: a character
 * beside one of them says nothing about where a word begins or ends.
 */
export const UNSPACED_SCRIPTS =
  '\\p{Script=Han}\\p{Script=Hiragana}\\p{Script=Katakana}\\p{Script=Thai}\\p{Script=Lao}\\p{Script=Khmer}\\p{Script=Myanmar}';

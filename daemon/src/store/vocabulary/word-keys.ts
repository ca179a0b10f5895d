/** What is the same word, however it is written. */

const TWO_CAPITALS = /\p{Lu}.*\p{Lu}/su;
const SMALL = /\p{Ll}/u;

/** White space, apostrophes and accents that are put together count as one. */
export function normalizeWord(text: string): string {
  return text.trim().normalize('NFC').replace(/\s+/gu, ' ').replace(/[’ʼ]/gu, "'");
}

/** The same for all that differs in its case alone. */
export function foldCase(text: string): string {
  // Letter by letter, or a sigma at the end of a word would not be the one within it.
  return Array.from(normalizeWord(text), foldLetter).join('').normalize('NFC');
}

export function foldLetter(letter: string): string {
  return Array.from(letter.toUpperCase(), (one) => one.toLowerCase()).join('');
}

/** In capitals alone, and more than one: `US`, `A.I.` */
export function isAllCapitals(text: string): boolean {
  return TWO_CAPITALS.test(text) && !SMALL.test(text);
}

/** Of what a replacement takes the place of: an acronym is another one than the word of its letters. */
export function replacementKey(from: string): string {
  return isAllCapitals(from) ? normalizeWord(from) : foldCase(from);
}

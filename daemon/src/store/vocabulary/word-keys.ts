/** Keys that are equal for spellings of the same word. */

const TWO_CAPITALS = /\p{Lu}.*\p{Lu}/su;
const SMALL = /\p{Ll}/u;

/** Unifies white space, apostrophes and composed accents. */
export function normalizeWord(text: string): string {
  return text.trim().normalize('NFC').replace(/\s+/gu, ' ').replace(/[’ʼ]/gu, "'");
}

/** Ignores case as well. */
export function foldCase(text: string): string {
  // Letter by letter: otherwise a final sigma would differ from one within a word.
  return Array.from(normalizeWord(text), foldLetter).join('').normalize('NFC');
}

export function foldLetter(letter: string): string {
  return Array.from(letter.toUpperCase(), (one) => one.toLowerCase()).join('');
}

/** All capitals, and more than one: `US`, `A.I.` */
export function isAllCapitals(text: string): boolean {
  return TWO_CAPITALS.test(text) && !SMALL.test(text);
}

/** Key of a replaced text: an acronym differs from the word with the same letters. */
export function replacementKey(from: string): string {
  return isAllCapitals(from) ? normalizeWord(from) : foldCase(from);
}

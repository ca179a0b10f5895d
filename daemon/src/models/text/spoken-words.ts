/** The words of a text as they are spoken, and whether audio can hold so many. */

/** Faster than anyone speaks, also for a moment: fast speakers reach 5 words a second. */
const MAX_WORDS_PER_SECOND = 7;
/** Tolerance for very short audio. */
const EXTRA_WORDS = 3;

/** Words in lower case, without punctuation. @param language as in `Intl` */
export function spokenWords(text: string, language: string): string[] {
  const segmenter = new Intl.Segmenter(language, { granularity: 'word' });
  return [...segmenter.segment(text.toLowerCase())].flatMap((part) => (part.isWordLike ? part.segment : []));
}

/** Whether a text has more words than anyone can say in so many seconds: the model has invented it. */
export function isTooLongFor(text: string, seconds: number, language: string): boolean {
  return spokenWords(text, language).length > MAX_WORDS_PER_SECOND * seconds + EXTRA_WORDS;
}

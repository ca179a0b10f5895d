/** Languages written without spaces: each character is a word. */
const UNSPACED_LANGUAGES: ReadonlySet<string> = new Set(['zh', 'ja', 'th', 'lo', 'my', 'yue']);

export function isSpaced(language: string): boolean {
  return !UNSPACED_LANGUAGES.has(language);
}

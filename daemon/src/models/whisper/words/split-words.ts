/** Tokens to words: where a text is cut, and which marks belong to which word. */
import type { WhisperTokenizer } from '../tokenizer.js';

/** Some tokens of a text that belong together. The texts of all of them, joined, are the text. */
export interface TokenGroup {
  text: string;
  tokens: number[];
}

/** Languages that are written without spaces: each character that the tokens let see is a word. */
const UNSPACED_LANGUAGES: ReadonlySet<string> = new Set(['zh', 'ja', 'th', 'lo', 'my', 'yue']);

/** Whether a language writes spaces between words. */
export function isSpaced(language: string): boolean {
  return !UNSPACED_LANGUAGES.has(language);
}

const ASCII_PUNCTUATION = '!"#$%&\'()*+,-./:;<=>?@[\\]^_`{|}~';
/** Marks that open what follows them, and marks that close what is before them. */
const OPENING = '"\'“¿([{-';
const CLOSING = '"\'.。,，!！?？:：”)]}、';

/** Cuts text tokens into words by the rules of a language. Punctuation is a word of its own until it is merged. */
export function splitWords(
  tokens: readonly number[],
  tokenizer: Pick<WhisperTokenizer, 'decode' | 'textStream'>,
  language: string,
): TokenGroup[] {
  const characters = splitCharacters(tokens, tokenizer);
  if (!isSpaced(language)) return characters;
  const words: TokenGroup[] = [];
  for (const group of characters) {
    const last = words.at(-1);
    // Punctuation is what is a piece of the row of ASCII's, as in the reference: "()" is one mark, "..." is not.
    const begins = group.text.startsWith(' ') || ASCII_PUNCTUATION.includes(group.text.trim());
    if (last === undefined || begins) {
      words.push(group);
    } else {
      last.text += group.text;
      last.tokens.push(...group.tokens);
    }
  }
  return words;
}

/** The smallest groups of tokens that hold whole characters: the bytes of one may lie in several tokens. */
export function splitCharacters(
  tokens: readonly number[],
  tokenizer: Pick<WhisperTokenizer, 'decode' | 'textStream'>,
): TokenGroup[] {
  const groups: TokenGroup[] = [];
  const stream = tokenizer.textStream();
  let group: TokenGroup = { text: '', tokens: [] };
  for (const token of tokens) {
    group.tokens.push(token);
    group.text += stream.push(token);
    // What is decoded to its end is longer where bytes of a character are still to come.
    if (tokenizer.decode(group.tokens).length > group.text.length) continue;
    groups.push(group);
    group = { text: '', tokens: [] };
  }
  if (group.tokens.length > 0) groups.push({ ...group, text: group.text + stream.end() });
  return groups;
}

/**
 * Joins marks to the words that they belong to. Takes the words of one segment and answers those that are left; a mark
 * brings its tokens and its text along, not its times.
 */
export function mergePunctuation<T extends TokenGroup>(words: readonly T[]): T[] {
  const opened: T[] = [];
  for (const word of words.toReversed()) {
    const following = opened.at(-1);
    if (following !== undefined && word.text.startsWith(' ') && OPENING.includes(word.text.trim())) {
      following.text = word.text + following.text;
      following.tokens = [...word.tokens, ...following.tokens];
    } else {
      opened.push(word);
    }
  }
  const closed: T[] = [];
  for (const word of opened.toReversed()) {
    const previous = closed.at(-1);
    if (previous !== undefined && !previous.text.endsWith(' ') && CLOSING.includes(word.text)) {
      previous.text += word.text;
      previous.tokens = [...previous.tokens, ...word.tokens];
    } else {
      closed.push(word);
    }
  }
  return closed;
}

/** Whether a word is nothing but marks. */
export function isPunctuation(text: string): boolean {
  return (OPENING + CLOSING).includes(text);
}

/** Whether a word is the mark that ends a sentence. */
export function endsSentence(text: string): boolean {
  return '.。!！?？'.includes(text);
}

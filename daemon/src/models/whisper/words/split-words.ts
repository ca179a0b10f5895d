/** Splits tokens into words and attaches punctuation to them. */
import { CLOSING, OPENING } from '../../text/punctuation.js';
import { isSpaced } from '../../text/word-spacing.js';
import type { WhisperTokenizer } from '../tokenizer.js';

/** Tokens of a word or character. The joined texts of all groups equal the text. */
export interface TokenGroup {
  text: string;
  tokens: number[];
}

const ASCII_PUNCTUATION = '!"#$%&\'()*+,-./:;<=>?@[\\]^_`{|}~';

/** Splits text tokens into words by the rules of a language. Punctuation is a separate word until it is merged. */
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
    // As in the reference, punctuation is any substring of the ASCII row: "()" is, "..." is not.
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

/** Splits tokens into the smallest groups of whole characters; the bytes of one may span several tokens. */
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
    // Decoding to the end is longer while bytes of a character are missing.
    if (tokenizer.decode(group.tokens).length > group.text.length) continue;
    groups.push(group);
    group = { text: '', tokens: [] };
  }
  if (group.tokens.length > 0) groups.push({ ...group, text: group.text + stream.end() });
  return groups;
}

/**
 * Merges punctuation into the words of a segment. It contributes its tokens and its text, not its times.
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

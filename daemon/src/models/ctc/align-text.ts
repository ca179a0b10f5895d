/** Forced alignment of words, including those that a model has no tokens for. */
import type { Alignment } from '#daemon/protocol/aligned-text.js';
import { SottoError } from '#daemon/protocol/errors.js';

import { alignTokens, type AlignOptions } from './align.js';
import type { CtcToken, Emissions } from './emissions.js';
import { WILDCARD } from './wildcard.js';

/** How a model writes words. */
export interface WordEncoder {
  readonly blank: number;
  /** The token between words; undefined if there is none. */
  readonly delimiter: number | undefined;
  /** Tokens of a word, undefined for a letter or digit without one; punctuation may have none. */
  encodeWord(word: string): {
    readonly tokens: readonly (number | undefined)[];
    readonly unknown: readonly string[];
  };
}

/** At most so many unknown characters in a message. */
const MAX_SHOWN = 10;

/**
 * Times of the words of a text. A character that the model has no token for matches any sound (`WILDCARD`). A word without
 * any token or such character, such as a dash, lies where the word before it ends.
 *
 * @param words with the space before each; a word without one continues the word before it, as in Chinese
 * @param toSeconds start of a frame
 * @returns one word for each of `words`
 * @throws SottoError INVALID_ARGUMENT if the text has no words, if the model has tokens for none of them, and if the text is
 *   longer than the audio; CANCELLED
 */
export async function alignWords(
  emissions: Emissions,
  words: readonly string[],
  encoder: WordEncoder,
  toSeconds: (frame: number) => number,
  options: Omit<AlignOptions, 'blank'> = {},
): Promise<Pick<Alignment, 'words' | 'unknown'>> {
  if (words.every((word) => word.trim() === ''))
    throw new SottoError('INVALID_ARGUMENT', 'the text has no words');
  const unknown = new Set<string>();
  const tokens: number[] = [];
  let isSeparate = false;
  const ranges = words.map((spaced) => {
    const word = spaced.trim();
    const encoded = encoder.encodeWord(word);
    for (const character of encoded.unknown) unknown.add(character);
    const ids = withoutRepeatedWildcards(encoded.tokens.map((id) => id ?? WILDCARD));
    isSeparate ||= /^\s/.test(spaced);
    if (ids.length > 0) {
      if (isSeparate && tokens.length > 0 && encoder.delimiter !== undefined) tokens.push(encoder.delimiter);
      isSeparate = false;
    }
    const from = tokens.length;
    for (const id of ids) tokens.push(id);
    return { word, from, to: tokens.length };
  });
  if (tokens.every((id) => id === WILDCARD || id === encoder.delimiter)) throw unalignable(unknown);
  const aligned = await alignTokens(emissions, tokens, { blank: encoder.blank, ...options });
  let last = 0;
  return {
    words: ranges.map(({ word, from, to }) => {
      const own = aligned.slice(from, to);
      const start = own[0] === undefined ? last : toSeconds(own[0].start);
      const end = own.at(-1)?.end;
      if (end !== undefined) last = toSeconds(end);
      const known = own.filter(({ id }) => id !== WILDCARD);
      return { word, start, end: last, ...(known.length > 0 && { confidence: meanProbability(known) }) };
    }),
    unknown: [...unknown],
  };
}

/** One wildcard matches any number of sounds. */
function withoutRepeatedWildcards(ids: readonly number[]): number[] {
  return ids.filter((id, i) => id !== WILDCARD || ids[i - 1] !== WILDCARD);
}

function meanProbability(tokens: readonly CtcToken[]): number {
  return Math.exp(tokens.reduce((sum, { logprob }) => sum + logprob, 0) / tokens.length);
}

function unalignable(unknown: ReadonlySet<string>): SottoError {
  const shown = [...unknown].slice(0, MAX_SHOWN).join(' ');
  return new SottoError(
    'INVALID_ARGUMENT',
    unknown.size === 0 ? 'the text has no words' : `this model has no tokens for the text: ${shown}`,
    { hint: 'choose a model of the text’s language with --model or --language' },
  );
}

/**
 * Encoding less than 30 s where less is said. The encoder learnt on whole windows only: a window cut short behind the
 * speech gives the same words, but where the speech itself is cut off it can make the decoder repeat itself or go on
 * inventing. So some silence is kept behind it, and what then looks wrong is done again with the whole window
 * (measured in ../README.md).
 */
import { FRAMES_PER_SECOND } from '#daemon/audio/mel/mel.js';

import { WINDOW_FRAMES } from './audio-windows.js';
import type { DecodeResult } from '../decode/decode.js';

/** How long a window is for what is said in it, in mel frames. */
export interface WindowLength {
  readonly minFrames: number;
  /** Behind what is said. */
  readonly silence: number;
  /** Few lengths, so that buffers are used again. */
  readonly step: number;
}

const SHORT_WINDOW: WindowLength = { minFrames: 1500, silence: 200, step: 200 };

/** Mel frames to encode for so many of audio. */
export function windowFrames(audioFrames: number, { minFrames, silence, step }: WindowLength): number {
  const wanted = Math.ceil((audioFrames + silence) / step) * step;
  return Math.min(WINDOW_FRAMES, Math.max(minFrames, wanted));
}

/** The same for the text of audio that fits in one window. */
export function shortWindowFrames(audioFrames: number): number {
  return windowFrames(audioFrames, SHORT_WINDOW);
}

/** So many words more by saying the same again at once are a loop more often than speech. */
const MIN_REPEATED_WORDS = 2;
/** Nobody speaks faster; the second is what the count of a short clip may be off by. */
const MAX_WORDS_PER_SECOND = 4.5;
const EXTRA_WORDS = 2;
/** Below the reference's 2.4: another try costs little here. */
const MAX_COMPRESSION_RATIO = 2;
const MIN_AVG_LOGPROB = -1;

/** Whether a text may stand, or the whole window has to be asked. @param audioFrames what was said in it */
export function isPlausible(
  { text, compressionRatio, avgLogprob }: Pick<DecodeResult, 'text' | 'compressionRatio' | 'avgLogprob'>,
  audioFrames: number,
  language: string,
): boolean {
  if (compressionRatio > MAX_COMPRESSION_RATIO || avgLogprob < MIN_AVG_LOGPROB) return false;
  const words = wordsOf(text, language);
  const seconds = audioFrames / FRAMES_PER_SECOND;
  return words.length <= MAX_WORDS_PER_SECOND * seconds + EXTRA_WORDS && !repeats(words, MIN_REPEATED_WORDS);
}

function wordsOf(text: string, language: string): string[] {
  const segmenter = new Intl.Segmenter(language, { granularity: 'word' });
  return [...segmenter.segment(text.toLowerCase())].flatMap((part) => (part.isWordLike ? part.segment : []));
}

/** Whether some phrase follows itself, once or often, so that `count` words are said for nothing. */
function repeats(words: readonly string[], count: number): boolean {
  for (let length = 1; 2 * length <= words.length; length++) {
    let same = 0; // words in a row that are those one length before
    for (let i = length; i < words.length; i++) {
      same = words[i] === words[i - length] ? same + 1 : 0;
      if (same >= Math.max(count, length)) return true;
    }
  }
  return false;
}

/**
 * Encodes less than 30 s of short audio. The encoder was trained on whole windows: a window cut after the speech gives the
 * same words, but one that cuts off the speech can make the decoder repeat or invent text. So some silence is kept, and an
 * implausible text is decoded again from the whole window (measured in ../../NOTES.md).
 */
import { FRAMES_PER_SECOND } from '#daemon/audio/mel/mel.js';

import { WINDOW_FRAMES } from './audio-windows.js';
import { spokenWords } from '../../text/spoken-words.js';
import type { DecodeResult } from '../decode/decode.js';

/** Window length for an amount of audio, in mel frames. */
export interface WindowLength {
  readonly minFrames: number;
  /** Silence kept after the audio. */
  readonly silence: number;
  /** Rounds up to few lengths, so that buffers are reused. */
  readonly step: number;
}

const SHORT_WINDOW: WindowLength = { minFrames: 1500, silence: 200, step: 200 };

/** Mel frames to encode for `audioFrames` of audio. */
export function windowFrames(audioFrames: number, { minFrames, silence, step }: WindowLength): number {
  const wanted = Math.ceil((audioFrames + silence) / step) * step;
  return Math.min(WINDOW_FRAMES, Math.max(minFrames, wanted));
}

/** The same for a file that fits in one window and needs no timestamps. */
export function shortWindowFrames(audioFrames: number): number {
  return windowFrames(audioFrames, SHORT_WINDOW);
}

/** This many immediately repeated words are more often a loop than speech. */
const MIN_REPEATED_WORDS = 2;
/** Faster than any speaker; the second is the tolerance for short clips. */
const MAX_WORDS_PER_SECOND = 4.5;
const EXTRA_WORDS = 2;
/** Below the reference's 2.4: another attempt is cheap here. */
const MAX_COMPRESSION_RATIO = 2;
const MIN_AVG_LOGPROB = -1;

/** Whether a text is plausible; if not, the whole window is decoded. @param audioFrames mel frames of its audio */
export function isPlausible(
  { text, compressionRatio, avgLogprob }: Pick<DecodeResult, 'text' | 'compressionRatio' | 'avgLogprob'>,
  audioFrames: number,
  language: string,
): boolean {
  if (compressionRatio > MAX_COMPRESSION_RATIO || avgLogprob < MIN_AVG_LOGPROB) return false;
  const words = spokenWords(text, language);
  const seconds = audioFrames / FRAMES_PER_SECOND;
  return words.length <= MAX_WORDS_PER_SECOND * seconds + EXTRA_WORDS && !repeats(words, MIN_REPEATED_WORDS);
}

/** Whether some phrase repeats at once, with at least `count` repeated words. */
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

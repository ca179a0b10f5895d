/** Times for the tokens of a family that knows none. */
import { SAMPLE_RATE } from '#daemon/audio/mel/mel.js';

import { placeInFile } from './pack-speech.js';
import type { SpeechPiece, PieceToken, TimedToken } from './piece-decoder.js';

/**
 * Spreads the tokens over the speech of the piece by the lengths of their texts. Words then lie within a second or so of
 * where they are spoken, and never in a pause.
 */
export function spreadTimes(
  tokens: readonly PieceToken[],
  { samples, spoken }: Pick<SpeechPiece, 'samples' | 'spoken'>,
): TimedToken[] {
  const whole = [{ start: 0, end: samples.length / SAMPLE_RATE }];
  const pieces = spoken === undefined || spoken.length === 0 ? whole : spoken;
  const seconds = pieces.reduce((sum, { start, end }) => sum + end - start, 0);
  const speech = { pieces, frames: seconds };
  const characters = tokens.reduce((sum, { text }) => sum + text.length, 0);
  let at = 0;
  return tokens.map((token) => {
    const from = at;
    at += (token.text.length / Math.max(1, characters)) * seconds;
    const start = placeInFile(speech, from, true);
    return { ...token, start, end: Math.max(start, placeInFile(speech, at, false)) };
  });
}

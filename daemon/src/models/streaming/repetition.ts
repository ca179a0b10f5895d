/** Text that a model makes up while it waits for more audio: it says again what it has said. */

/** So many tokens in a row that were said before: nobody else is so faithful to his words. */
const MIN_REPEATED_TOKENS = 5;

/**
 * Whether the last tokens were all said before, in this order. A guess is not gone on with there: if they are really said
 * again, the next look goes on behind them.
 *
 * @param before tokens of the window in front of `tokens`
 */
export function isRepeating(before: readonly number[], tokens: readonly number[]): boolean {
  if (tokens.length < MIN_REPEATED_TOKENS) return false;
  const all = [...before, ...tokens];
  const last = all.length - MIN_REPEATED_TOKENS;
  for (let from = 0; from < last; from++) {
    let same = 0;
    while (same < MIN_REPEATED_TOKENS && all[from + same] === all[last + same]) same++;
    if (same === MIN_REPEATED_TOKENS) return true;
  }
  return false;
}

/** Frames of 20 ms that a look may go back, and tokens in a row that have to: one alone is an accident. */
const REREAD_FRAMES = 20;
const MIN_REREAD_TOKENS = 3;

/**
 * How many tokens there are before one from where the model reads again what it has read: it looks back in the audio.
 *
 * @param attended the frame that each token looks at most
 * @param audioFrames what lies behind them is silence put there; looks at it tell nothing
 */
export function trimRereadTokens(attendedFrames: readonly number[], audioFrames: number): number {
  let furthest = -Infinity;
  let back = 0;
  for (const [i, frame] of attendedFrames.entries()) {
    if (frame >= audioFrames) continue;
    if (frame > furthest - REREAD_FRAMES) {
      furthest = Math.max(furthest, frame);
      back = 0;
    } else if (++back === MIN_REREAD_TOKENS)
      return firstRereadToken(attendedFrames, i, furthest - REREAD_FRAMES, audioFrames);
  }
  return attendedFrames.length;
}

/** The first of the tokens up to `last` that look back, or behind the audio, one after the other. */
function firstRereadToken(
  attendedFrames: readonly number[],
  last: number,
  before: number,
  audioFrames: number,
): number {
  let first = last;
  for (let i = last; i >= 0; i--) {
    const frame = attendedFrames[i] ?? 0;
    if (frame <= before || frame >= audioFrames) first = i;
    else break;
  }
  return first;
}

/** Tokens of a phrase that a model says again at once; a single one is said twice by people too. */
const PHRASE_TOKENS = { min: 2, max: 8 };

/**
 * How many tokens there are before a phrase that is said again at once of the same sound: after two words and a pause, a model
 * that is not heard on says them again and again. A person who says a phrase twice is heard later the second time, in
 * each of its tokens.
 *
 * @param attended the frame that each token looks at most
 * @param audioFrames what lies behind them is silence put there
 */
export function trimRepeatedPhrases(
  tokens: readonly number[],
  attendedFrames: readonly number[],
  audioFrames: number,
): number {
  const isRepeat = (at: number, length: number): boolean => {
    let isSameAudio = false;
    for (let i = at; i < at + length; i++) {
      if (tokens[i] !== tokens[i - length]) return false;
      const frame = attendedFrames[i] ?? 0;
      isSameAudio ||= frame >= audioFrames || frame <= (attendedFrames[i - length] ?? 0);
    }
    return isSameAudio;
  };
  for (let at = PHRASE_TOKENS.min; at < tokens.length; at++) {
    const max = Math.min(PHRASE_TOKENS.max, at, tokens.length - at);
    for (let length = PHRASE_TOKENS.min; length <= max; length++) if (isRepeat(at, length)) return at;
  }
  return tokens.length;
}

/** Detects text that a model repeats while it waits for more audio. */

/** Speakers rarely repeat this many tokens in the same order; models do. */
const MIN_REPEATED_TOKENS = 5;

/**
 * Whether the last tokens occurred before in the same order. Decoding stops there; if the speaker does repeat them, the
 * next decode step continues after them.
 *
 * @param prefix tokens of the window before `tokens`
 */
export function isRepeating(prefix: readonly number[], tokens: readonly number[]): boolean {
  if (tokens.length < MIN_REPEATED_TOKENS) return false;
  const all = [...prefix, ...tokens];
  const last = all.length - MIN_REPEATED_TOKENS;
  for (let from = 0; from < last; from++) {
    let same = 0;
    while (same < MIN_REPEATED_TOKENS && all[from + same] === all[last + same]) same++;
    if (same === MIN_REPEATED_TOKENS) return true;
  }
  return false;
}

/** Frames of 20 ms that attention may move back, and consecutive tokens that must do so: a single one is an outlier. */
const REREAD_FRAMES = 20;
const MIN_REREAD_TOKENS = 3;

/**
 * Counts the tokens before the model starts to read the same audio again, that is before its attention moves back.
 *
 * @param attendedFrames the frame that each token attends to most
 * @param audioFrames frames of audio; the rest is padding, and attention to it is ignored
 */
export function trimRereadTokens(attendedFrames: readonly number[], audioFrames: number): number {
  let furthest = -Infinity;
  let rereadCount = 0;
  for (const [i, frame] of attendedFrames.entries()) {
    if (frame >= audioFrames) continue;
    if (frame > furthest - REREAD_FRAMES) {
      furthest = Math.max(furthest, frame);
      rereadCount = 0;
    } else if (++rereadCount === MIN_REREAD_TOKENS)
      return firstRereadToken(attendedFrames, i, furthest - REREAD_FRAMES, audioFrames);
  }
  return attendedFrames.length;
}

/** The start of the run of tokens ending at `last` that attend to earlier frames or to the padding. */
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

/** Length of a repeated phrase in tokens; people repeat single tokens too. */
const PHRASE_TOKENS = { min: 2, max: 8 };

/**
 * Counts the tokens before a phrase that is repeated at once from the same audio: after two words and a pause a model
 * repeats them over and over. When a speaker repeats a phrase, each token of the repetition attends to later audio.
 *
 * @param attendedFrames the frame that each token attends to most
 * @param audioFrames frames of audio; the rest is padding
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

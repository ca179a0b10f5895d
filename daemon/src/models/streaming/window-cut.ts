/**
 * Finds where to cut a window that has become long. Not after all committed text: with a second of audio left the model is
 * as uncertain as at the start, so some committed seconds stay in the window.
 */

/** Minimum to keep, and the range before it to search for the best place; frames of 20 ms. */
const MIN_KEPT_FRAMES = 250;
const CUT_SEARCH_FRAMES = 150;

/**
 * @param pieces of the committed tokens
 * @param startsWord whether each of them begins a word
 * @param starts the frame where each of them starts
 * @param audioFrames frames of audio in the window
 * @returns how many tokens to remove; 0 if there is no place to cut
 */
export function findWindowCut(
  pieces: readonly string[],
  startsWord: readonly boolean[],
  starts: readonly number[],
  audioFrames: number,
): number {
  const latest = audioFrames - MIN_KEPT_FRAMES;
  let best = { count: 0, score: -Infinity };
  for (let i = 1; i < pieces.length; i++) {
    const start = starts[i] ?? 0;
    if (startsWord[i] !== true || start > latest) continue;
    const gap = start - (starts[i - 1] ?? 0);
    const before = pieces[i - 1] ?? '';
    const end = /[.?!。？！]$/.test(before) ? 200 : /[,;:、，]$/.test(before) ? 60 : 0;
    // Before the search range, being later outweighs everything else.
    const early = Math.max(0, latest - CUT_SEARCH_FRAMES - start);
    const score = end + gap - 100 * early;
    if (score > best.score) best = { count: i, score };
  }
  return best.count;
}

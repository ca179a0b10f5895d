/**
 * Where a window that has become long begins anew. Not behind all that is committed: with a second of audio left the model
 * is as uncertain as at the very beginning, so some seconds that are certain stay in front.
 */

/** What stays at least, and the stretch before it in which the best place is looked for; frames of 20 ms. */
const MIN_KEPT_FRAMES = 250;
const CUT_SEARCH_FRAMES = 150;

/**
 * @param pieces of the committed tokens
 * @param begins whether each of them begins a word
 * @param starts the frame at which each of them begins
 * @param audioFrames frames of the window that are audio
 * @returns how many of the tokens are let go of; 0 if there is no place
 */
export function findWindowCut(
  pieces: readonly string[],
  begins: readonly boolean[],
  starts: readonly number[],
  audioFrames: number,
): number {
  const latest = audioFrames - MIN_KEPT_FRAMES;
  let best = { count: 0, score: -Infinity };
  for (let i = 1; i < pieces.length; i++) {
    const start = starts[i] ?? 0;
    if (begins[i] !== true || start > latest) continue;
    const gap = start - (starts[i - 1] ?? 0);
    const before = pieces[i - 1] ?? '';
    const end = /[.?!。？！]$/.test(before) ? 200 : /[,;:、，]$/.test(before) ? 60 : 0;
    // Outside the stretch later is better, by more than anything else.
    const early = Math.max(0, latest - CUT_SEARCH_FRAMES - start);
    const score = end + gap - 100 * early;
    if (score > best.score) best = { count: i, score };
  }
  return best.count;
}

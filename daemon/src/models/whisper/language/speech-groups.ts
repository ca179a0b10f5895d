/**
 * Groups speech into spans that are long enough for language detection: segments between pauses, short ones merged with
 * their neighbors. Speakers pause before they change the language, if only for breath.
 */

/** In mel frames from the start of the audio. */
export interface SpeechGroup {
  readonly start: number;
  readonly end: number;
}

/** Shorter pauses lie inside a phrase. */
const PAUSE_FRAMES = 20;
/** In less speech the detected language is unreliable. */
const MIN_GROUP_FRAMES = 100;

/**
 * Merges each group shorter than a second with the nearer of its neighbors, the shortest first.
 *
 * @param segments in order, without padding
 */
export function groupSpeech(segments: readonly SpeechGroup[]): SpeechGroup[] {
  const groups: SpeechGroup[] = [];
  for (const { start, end } of segments) {
    const before = groups.at(-1);
    if (before !== undefined && start - before.end < PAUSE_FRAMES) {
      groups[groups.length - 1] = { start: before.start, end: Math.max(before.end, end) };
    } else groups.push({ start, end });
  }
  while (groups.length > 1) {
    const lengths = groups.map(({ start, end }) => end - start);
    const shortest = Math.min(...lengths);
    if (shortest >= MIN_GROUP_FRAMES) break;
    const at = lengths.indexOf(shortest);
    const left = pauseAfter(groups, at - 1) <= pauseAfter(groups, at) ? at - 1 : at;
    const [one, other] = groups.slice(left, left + 2);
    if (one === undefined || other === undefined) break;
    groups.splice(left, 2, { start: one.start, end: other.end });
  }
  return groups;
}

/** The pause after group `i`; infinite at both ends. */
function pauseAfter(groups: readonly SpeechGroup[], i: number): number {
  const [one, next] = [groups[i], groups[i + 1]];
  return one === undefined || next === undefined ? Infinity : next.start - one.end;
}

/** The cut between two groups: in the middle of the pause, or shortly before the second group. */
export function cutBetween(before: SpeechGroup, after: SpeechGroup): number {
  const maxLeadInFrames = 30; // frames of silence kept before speech
  return Math.max(before.end, after.start - maxLeadInFrames, Math.floor((before.end + after.start) / 2));
}

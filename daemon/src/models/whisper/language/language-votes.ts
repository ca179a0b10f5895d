/**
 * The language out of several windows, where the first is not sure of it: it may hold music, a jingle, a few words of
 * somebody else. Each window's probabilities count by how much is said in it. (faster-whisper stops at the first sure
 * window and otherwise takes what most windows say.)
 */
import { FRAMES_PER_SECOND } from '#daemon/audio/mel/mel.js';

import { type Window, WINDOW_FRAMES } from '../encode/audio-windows.js';
import { throwIfCancelled } from '../cancellation.js';
import { disposeWindow, type EncodedWindow } from '../encode/encode.js';
import type { DetectedLanguage } from './detect-language.js';
import type { Transcription } from '../transcription.js';

/** Mean probability from which on no further window is asked, if so many seconds of speech have been heard. */
const MIN_LANGUAGE_PROBABILITY = 0.5;
const MIN_SPEECH_SECONDS = 2;

/** What one window says. */
interface LanguageVote {
  /** What is said in it. */
  readonly seconds: number;
  readonly noSpeechProb: number;
  readonly probabilities: ReadonlyMap<string, number>;
}

/** The likeliest language of all windows together, and how many seconds of speech say so. */
export function combineVotes(votes: readonly LanguageVote[]): {
  language: string;
  probability: number;
  seconds: number;
} {
  const sums = new Map<string, number>();
  let weights = 0;
  for (const { seconds, noSpeechProb, probabilities } of votes) {
    const weight = Math.max(0.01, seconds) * Math.max(0.01, (1 - noSpeechProb) ** 2); // squared: to hum and music the model says 0.77 to 0.85
    weights += weight;
    for (const [language, p] of probabilities) sums.set(language, (sums.get(language) ?? 0) + weight * p);
  }
  const [language, sum] = [...sums].sort(([, a], [, b]) => b - a)[0] ?? ['en', 0];
  return { language, probability: weights > 0 ? sum / weights : 0, seconds: weights };
}

/**
 * The language of the first window, or, as long as that is not sure, of it and up to `count` − 1 windows behind it, each
 * where the last one ends. What is read for them is what is decoded later; at most their frames are held, 1 MB each.
 *
 * @param encoded the first window, which stays the caller's
 */
export async function detectOverWindows(
  work: Transcription,
  first: Window,
  encoded: EncodedWindow,
  count: number,
  signal: AbortSignal,
): Promise<{ language: string; probability: number }> {
  const { windows } = work;
  const votes = [voteOf(work, first, await work.detect(encoded))];
  let found = combineVotes(votes);
  let window: Window | undefined = first;
  while (
    (found.probability < MIN_LANGUAGE_PROBABILITY || found.seconds < MIN_SPEECH_SECONDS) &&
    votes.length < count
  ) {
    throwIfCancelled(signal);
    const from: number = window.start + window.frames;
    window = await work.stopwatch.time('mel', () => windows.next(from, signal));
    if (window === undefined) break;
    const other = await work.encode(window, WINDOW_FRAMES, 'zero', signal);
    try {
      votes.push(voteOf(work, window, await work.detect(other)));
    } finally {
      disposeWindow(other);
    }
    found = combineVotes(votes);
  }
  return found;
}

function voteOf(work: Transcription, window: Window, detected: DetectedLanguage): LanguageVote {
  const { noSpeechProb, probabilities } = detected;
  const spoken = work.windows.spokenSeconds(window);
  const seconds = spoken
    ? spoken.reduce((sum, { start, end }) => sum + end - start, 0)
    : window.frames / FRAMES_PER_SECOND;
  return { seconds, noSpeechProb, probabilities };
}

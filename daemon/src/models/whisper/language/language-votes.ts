/**
 * Detects the language over several windows if the first is uncertain, since it may hold music, a jingle or a few words of
 * another speaker. Each window counts by its amount of speech. (faster-whisper stops at the first certain window and
 * otherwise uses the majority.)
 */
import { FRAMES_PER_SECOND } from '#daemon/audio/mel/mel.js';

import { type Window, WINDOW_FRAMES } from '../encode/audio-windows.js';
import { throwIfCancelled } from '#daemon/async.js';
import { disposeWindow, type EncodedWindow } from '../encode/encode.js';
import type { DetectedLanguage } from './detect-language.js';
import type { Transcription } from '../whisper-transcription.js';

/** No further window is used from this mean probability and this much speech on. */
const MIN_LANGUAGE_PROBABILITY = 0.5;
const MIN_SPEECH_SECONDS = 2;

interface LanguageVote {
  /** Seconds of speech. */
  readonly seconds: number;
  readonly noSpeechProb: number;
  readonly probabilities: ReadonlyMap<string, number>;
}

/** The most probable language of all windows, and the weighted seconds of speech behind it. */
export function combineVotes(votes: readonly LanguageVote[]): {
  language: string;
  probability: number;
  seconds: number;
} {
  const sums = new Map<string, number>();
  let weights = 0;
  for (const { seconds, noSpeechProb, probabilities } of votes) {
    const weight = Math.max(0.01, seconds) * Math.max(0.01, (1 - noSpeechProb) ** 2); // squared: humming and music have 0.77 to 0.85
    weights += weight;
    for (const [language, p] of probabilities) sums.set(language, (sums.get(language) ?? 0) + weight * p);
  }
  const [language, sum] = [...sums].sort(([, a], [, b]) => b - a)[0] ?? ['en', 0];
  return { language, probability: weights > 0 ? sum / weights : 0, seconds: weights };
}

/**
 * The language of the first window or, while that is uncertain, of it and up to `count` − 1 windows after it. Their audio is
 * decoded later, so only their frames are held meanwhile, 1 MB each.
 *
 * @param encoded the first window; the caller keeps owning it
 */
export async function detectOverWindows(
  work: Transcription,
  first: Window,
  encoded: EncodedWindow,
  count: number,
  signal: AbortSignal,
): Promise<{ language: string; probability: number }> {
  const { windows } = work;
  const votes = [toVote(work, first, await work.detect(encoded))];
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
      votes.push(toVote(work, window, await work.detect(other)));
    } finally {
      disposeWindow(other);
    }
    found = combineVotes(votes);
  }
  return found;
}

function toVote(work: Transcription, window: Window, detected: DetectedLanguage): LanguageVote {
  const { noSpeechProb, probabilities } = detected;
  const spoken = work.windows.spokenSeconds(window);
  const seconds = spoken
    ? spoken.reduce((sum, { start, end }) => sum + end - start, 0)
    : window.frames / FRAMES_PER_SECOND;
  return { seconds, noSpeechProb, probabilities };
}

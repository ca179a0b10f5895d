/** What a decoded window is worth: a text, another try, or nothing, since nobody speaks in it. OpenAI's thresholds. */
import type { VoiceEvidence } from '#daemon/audio/vad/index.js';

import type { DecodeResult } from './decode.js';

export interface FallbackThresholds {
  /** Temperatures to try in turn; the last one's result is taken as it is. */
  readonly temperatures: readonly number[];
  /** Above this the text repeats itself. */
  readonly compressionRatio: number;
  /** Below this the model does not believe its own words. */
  readonly logprob: number;
  /** Above this nobody speaks, if the words are not believed either. */
  readonly noSpeech: number;
}

export const REFERENCE_THRESHOLDS: FallbackThresholds = {
  temperatures: [0, 0.2, 0.4, 0.6, 0.8, 1],
  compressionRatio: 2.4,
  logprob: -1,
  noSpeech: 0.6,
};

type DecodeQuality = Pick<DecodeResult, 'compressionRatio' | 'avgLogprob' | 'noSpeechProb'>;

/**
 * Whether a result calls for another try. Silence does not: no temperature finds words in it. Where somebody surely speaks
 * the model's doubts are no silence: it was led astray by the text before or runs in a loop, and a warmer try may find what
 * is said. Only if none does, is it dropped.
 */
export function needsFallback(
  result: DecodeQuality,
  thresholds: FallbackThresholds,
  voice?: VoiceEvidence,
): boolean {
  if (isSilent(result, thresholds, voice) && !isCertainSpeech(voice)) return false;
  return result.avgLogprob < thresholds.logprob || result.compressionRatio > thresholds.compressionRatio;
}

function isCertainSpeech(voice: VoiceEvidence | undefined): boolean {
  return (
    voice !== undefined &&
    voice.maxProbability >= MIN_CERTAIN_SPEECH_PROBABILITY &&
    voice.seconds > MAX_UNCERTAIN_SPEECH_SECONDS
  );
}

/** Whether a result is to be dropped as silence. */
export function isSilentByReference(result: DecodeQuality, thresholds: FallbackThresholds): boolean {
  return result.noSpeechProb > thresholds.noSpeech && !(result.avgLogprob > thresholds.logprob);
}

/**
 * Speech has a frame or more that is surely speech; music that passes for it has none, and little that is at all. Of 382
 * windows of speech, as recorded, in noise, in a hall and from afar, three are as unsure (one clip, three models), and the
 * model gives them 0.36 of no speech at most; the one recording of music here has 0.59 to 0.83. How it was measured, and
 * what was not: `npm run bench -- silence`.
 */
const MIN_CERTAIN_SPEECH_PROBABILITY = 0.99;
const MAX_UNCERTAIN_SPEECH_SECONDS = 2.5;
/** So much less it takes of the model's own doubts, where voice activity has its own. */
const UNCERTAIN_NO_SPEECH_DROP = 0.1;
const UNCERTAIN_LOGPROB_RISE = 0.5;

/**
 * Whether a result is to be dropped. Without evidence, by the reference's rule. With it, two doubts together are enough:
 * voice activity is not sure, and the model thinks that nobody speaks, or hardly believes its words.
 */
export function isSilent(
  result: DecodeQuality,
  thresholds: FallbackThresholds,
  voice: VoiceEvidence | undefined,
): boolean {
  if (isSilentByReference(result, thresholds)) return true;
  if (
    voice === undefined ||
    voice.maxProbability >= MIN_CERTAIN_SPEECH_PROBABILITY ||
    voice.seconds > MAX_UNCERTAIN_SPEECH_SECONDS
  )
    return false;
  const { noSpeech, logprob } = thresholds;
  if (noSpeech >= 1) return false; // the caller wants every window
  return isSilentByReference(result, {
    ...thresholds,
    noSpeech: noSpeech - UNCERTAIN_NO_SPEECH_DROP,
    logprob: logprob + UNCERTAIN_LOGPROB_RISE,
  });
}

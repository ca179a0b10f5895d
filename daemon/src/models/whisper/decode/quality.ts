/** Classifies a decoded window by OpenAI's thresholds: text, another attempt, or silence. */
import { isCertainSpeech, isUncertainSpeech, type VoiceEvidence } from '#daemon/audio/vad/index.js';

import type { DecodeResult } from './decode.js';

export interface FallbackThresholds {
  /** Temperatures to try in order; the result of the last one is final. */
  readonly temperatures: readonly number[];
  /** Above this the text is repetitive. */
  readonly compressionRatio: number;
  /** Below this average the text is unreliable. */
  readonly logprob: number;
  /** Above this the window is silent, if its text is unreliable too. */
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
 * Whether a result needs another attempt. Silence does not: no temperature finds words in it. With certain speech from the
 * VAD, low confidence is not silence: the prompt misled the model or it loops, and a higher temperature may find the words.
 * The window is dropped only if none does.
 */
export function needsFallback(
  result: DecodeQuality,
  thresholds: FallbackThresholds,
  evidence?: VoiceEvidence,
): boolean {
  if (isSilent(result, thresholds, evidence) && !(evidence !== undefined && isCertainSpeech(evidence)))
    return false;
  return result.avgLogprob < thresholds.logprob || result.compressionRatio > thresholds.compressionRatio;
}

/** Whether the rule of the reference drops a result as silence. */
export function isSilentByReference(result: DecodeQuality, thresholds: FallbackThresholds): boolean {
  return result.noSpeechProb > thresholds.noSpeech && !(result.avgLogprob > thresholds.logprob);
}

/** How much the reference's thresholds move if the VAD is uncertain. */
const UNCERTAIN_NO_SPEECH_DROP = 0.1;
const UNCERTAIN_LOGPROB_RISE = 0.5;

/**
 * Whether a result is dropped as silence: by the reference's rule, and with VAD evidence also if both are in doubt, the VAD
 * about speech and the model about its text.
 */
export function isSilent(
  result: DecodeQuality,
  thresholds: FallbackThresholds,
  voice: VoiceEvidence | undefined,
): boolean {
  if (isSilentByReference(result, thresholds)) return true;
  if (voice === undefined || !isUncertainSpeech(voice)) return false;
  const { noSpeech, logprob } = thresholds;
  if (noSpeech >= 1) return false; // the caller keeps every window
  return isSilentByReference(result, {
    ...thresholds,
    noSpeech: noSpeech - UNCERTAIN_NO_SPEECH_DROP,
    logprob: logprob + UNCERTAIN_LOGPROB_RISE,
  });
}

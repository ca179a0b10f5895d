import { isUncertainSpeech, type VoiceEvidence } from '#daemon/audio/vad/index.js';

import type { TimedToken } from './piece-decoder.js';
import { meanProbability } from './piece-segments.js';

/** Text of audio that may be music counts as speech only if its tokens are at least this probable. */
const MIN_UNCERTAIN_CONFIDENCE = Math.exp(-0.5);

/** Whether neither the VAD nor the model is certain of speech. @param evidence undefined without VAD */
export function isInvented(tokens: readonly TimedToken[], evidence: VoiceEvidence | undefined): boolean {
  if (evidence === undefined || !isUncertainSpeech(evidence)) return false;
  return meanProbability(tokens) < MIN_UNCERTAIN_CONFIDENCE;
}

/** Voice activity detection: finds speech in a stream of audio. */
export { speechOptionsOf } from './speech-options.js';
export {
  FRAME_SAMPLES,
  SpeechSegmenter,
  type SpeechOptions,
  type SpeechSegment,
} from './speech-segmenter.js';
export { SpeechTrack } from './speech-track.js';
export { isCertainSpeech, isUncertainSpeech, type VoiceEvidence } from './voice-evidence.js';
export { CONTEXT_SAMPLES, UNITS as VAD_STATE_SIZE } from './silero-network.js';
export { type VadState, VoiceActivity, type VadStream } from './voice-activity.js';

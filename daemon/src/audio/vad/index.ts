/** Where speech is in a stream of audio. */
export { checkedSpeechOptions } from './speech-options.js';
export { FRAME_SAMPLES, SpeechStretches, type SpeechOptions, type Stretch } from './speech-stretches.js';
export { SpeechTrack, type VoiceEvidence } from './speech-track.js';
export { CONTEXT_SAMPLES, UNITS as MEMORY_VALUES } from './silero-network.js';
export { type VadMemory, VoiceActivity, type VadStream } from './voice-activity.js';

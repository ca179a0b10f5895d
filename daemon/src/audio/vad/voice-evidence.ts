/** How certain it is that a range of audio holds speech. */

/** Evidence of speech in a range of audio. */
export interface VoiceEvidence {
  /** Highest probability of a frame. */
  readonly maxProbability: number;
  /** Total duration of the frames at or above the threshold. */
  readonly seconds: number;
}

/**
 * Speech has at least one frame of certain speech; music that passes for speech has none, and few speech frames at all. Of
 * 382 windows of speech, clean, noisy, reverberant and distant, three are as uncertain (one clip, three models), with a
 * no-speech probability of at most 0.36; the one recording of music has 0.59 to 0.83. Measured by `npm run bench -- silence`.
 */
const MIN_CERTAIN_SPEECH_PROBABILITY = 0.99;
const MAX_UNCERTAIN_SPEECH_SECONDS = 2.5;

/** Whether both signs of speech are there. */
export function isCertainSpeech({ maxProbability, seconds }: VoiceEvidence): boolean {
  return maxProbability >= MIN_CERTAIN_SPEECH_PROBABILITY && seconds > MAX_UNCERTAIN_SPEECH_SECONDS;
}

/** Whether neither sign of speech is there, so that it may be music. */
export function isUncertainSpeech({ maxProbability, seconds }: VoiceEvidence): boolean {
  return maxProbability < MIN_CERTAIN_SPEECH_PROBABILITY && seconds <= MAX_UNCERTAIN_SPEECH_SECONDS;
}

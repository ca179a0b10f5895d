/** Which options leave the order of windows open. */
import type { TranscribeOptions } from '#daemon/protocol/transcription.js';

/**
 * Whether the text is as good if windows don't know each other's text. A prompt leads only the first window,
 * re-read windows need the order, and beams, samples and hotwords are searched window by window anyway.
 */
export function suitsBatch({
  multilingual,
  vad,
  initialPrompt,
  hotwords = [],
  beamSize = 1,
  whisper = {},
}: TranscribeOptions): boolean {
  const {
    conditionOnPreviousText,
    hallucinationSilenceThreshold,
    prefix,
    bestOf = 1,
    noRepeatNgram,
  } = whisper;
  const needsOrder =
    conditionOnPreviousText === true || multilingual === true || hallucinationSilenceThreshold !== undefined;
  const isLed = initialPrompt !== undefined || prefix !== undefined;
  const isSearched = hotwords.length > 0 || beamSize > 1 || bestOf > 1 || noRepeatNgram !== undefined;
  const cutsSpeech = vad === undefined || vad === true;
  return !needsOrder && !isLed && !isSearched && cutsSpeech;
}

/** Turns a decode of the whole dictation into a transcription. */
import type { Timings } from '#daemon/protocol/transcription.js';
import { trimRereadTokens } from '../../streaming/repetition.js';

import { compressionRatio } from '../decode/decode.js';
import { isDoubtfulLogprob } from '../decode/second-decode.js';
import { toCentiseconds } from '../../centiseconds.js';
import { isPlausible } from '../encode/short-window.js';
import type { WhisperTokenizer } from '../tokenizer.js';
import { isSpaced } from '../../text/word-spacing.js';
import type { StreamingDecodeResult } from './streaming-decoder.js';
import { meanLogprob } from './hypothesize.js';
import { LiveWords } from './live-words.js';
import type { WhisperResult } from '../whisper-options.js';

interface RefineContext {
  readonly language: string;
  /** Mel frames of audio in the window, and its offset in the dictation. */
  readonly audioFrames: number;
  readonly offsetSeconds: number;
  readonly durationSeconds: number;
  readonly timings: Timings;
}

/**
 * @returns undefined if the text is doubtful, and better decoded as a file, or implausible: it has no end, rereads audio, or has
 *   more words than anyone can speak
 */
export function refinedResult(
  tokenizer: WhisperTokenizer,
  { rawHypothesis, places: { attendedFrames, starts } }: StreamingDecodeResult,
  { language, audioFrames, offsetSeconds, durationSeconds, timings }: RefineContext,
): WhisperResult | undefined {
  const { tokens, logprobs, ended, noSpeechProb } = rawHypothesis;
  if (!ended || tokens.length === 0) return undefined;
  if (trimRereadTokens(attendedFrames, Math.floor(audioFrames / 2)) < tokens.length) return undefined;
  const text = tokenizer.decode(tokens);
  const avgLogprob = meanLogprob(logprobs);
  if (isDoubtfulLogprob(avgLogprob)) return undefined;
  const judged = { text, avgLogprob, compressionRatio: compressionRatio(text) };
  if (!isPlausible(judged, audioFrames, language)) return undefined;
  const words = new LiveWords(tokenizer, tokens, isSpaced(language))
    .timed(0, tokens.length, starts, logprobs)
    .map((word) => ({
      ...word,
      start: toCentiseconds(offsetSeconds + word.start),
      end: toCentiseconds(offsetSeconds + word.end),
    }));
  const segment = {
    start: words[0]?.start ?? 0,
    end: words.at(-1)?.end ?? 0,
    text,
    tokens: [...tokens],
    confidence: Math.exp(avgLogprob),
    words,
    details: {
      whisper: { avgLogprob, noSpeechProb, compressionRatio: judged.compressionRatio, temperature: 0 },
    },
  };
  return { text: text.trim(), language, durationSeconds, segments: [segment], timings };
}

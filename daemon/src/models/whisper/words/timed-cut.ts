/** Adds words to the segments of a window and derives from their times how much of the window is complete. */
import { FRAMES_PER_SECOND } from '#daemon/audio/mel/mel.js';

import { type Window, WINDOW_FRAMES } from '../encode/audio-windows.js';
import type { EncodedWindow } from '../encode/encode.js';
import { dropHallucinations } from './hallucinations.js';
import type { Cut } from '../decode/segments.js';
import type { SpeechSpan } from '../../pieces/piece-decoder.js';
import { addWordTimes } from './word-times.js';
import type { Whisper } from '../model.js';
import type { WhisperTokenizer } from '../tokenizer.js';

interface TimedCutContext {
  readonly window: Window;
  /** Of the decode of the window. */
  readonly startSequence: readonly number[];
  readonly language: string;
  /** End of the last word before the window; 0 if there is none. */
  readonly lastSpeechSeconds: number;
  readonly speech: readonly SpeechSpan[] | undefined;
  /** End of the file, if known. */
  readonly fileEnd: number | undefined;
  /** Words between longer silences are checked for hallucinations; undefined turns the check off. */
  readonly maxSilenceSeconds: number | undefined;
}

interface TimedCut extends Cut {
  readonly lastSpeechSeconds: number;
}

export async function addWordsToCut(
  { segments, frames }: Cut,
  deps: { readonly model: Whisper; readonly tokenizer: WhisperTokenizer },
  encoded: EncodedWindow,
  context: TimedCutContext,
  signal: AbortSignal,
): Promise<TimedCut> {
  const { window, fileEnd, maxSilenceSeconds, lastSpeechSeconds: lastSpeech } = context;
  if (segments.length === 0) return { segments, frames, lastSpeechSeconds: lastSpeech };
  const start = window.start / FRAMES_PER_SECOND;
  const timed = await addWordTimes(
    segments,
    deps,
    encoded,
    { ...context, audioFrames: window.frames, offsetSeconds: start },
    signal,
  );
  let kept = timed;
  // Unfinished speech starts after the last word, which is more reliable than the last timestamp.
  let next = frames < window.frames ? lastWordEnd(timed) : undefined;
  if (maxSilenceSeconds !== undefined) {
    const audioEnd = (window.start + window.frames) / FRAMES_PER_SECOND;
    const end = (window.start + WINDOW_FRAMES) / FRAMES_PER_SECOND;
    const filtered = dropHallucinations(
      timed,
      { start, audioEnd, end, lastSpeech, fileEnd },
      maxSilenceSeconds,
    );
    kept = [...filtered.segments];
    next = filtered.next ?? next;
  }
  const done = next === undefined ? frames : Math.round(next * FRAMES_PER_SECOND) - window.start;
  return {
    segments: kept,
    frames: done > 0 ? Math.min(done, window.frames) : frames,
    lastSpeechSeconds: lastWordEnd(kept) ?? lastSpeech,
  };
}

function lastWordEnd(segments: Cut['segments']): number | undefined {
  return segments.findLast(({ words = [] }) => words.length > 0)?.words?.at(-1)?.end;
}

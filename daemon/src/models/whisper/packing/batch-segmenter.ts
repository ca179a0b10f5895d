/**
 * Turns the results of a batch into segments with times of the file. The texts have no timestamps, so times come from their
 * aligned words.
 */
import { FRAMES_PER_SECOND } from '#daemon/audio/mel/mel.js';
import { defined } from '#daemon/protocol/defined.js';
import type { Word } from '#daemon/protocol/transcription.js';
import { mx, type MxArray } from '#native/index.js';

import { alignTokens } from '../words/alignment.js';
import type { DecodeContext, DecodeResult } from '../decode/decode.js';
import { disposeWindow, encode, type EncodedWindow } from '../encode/encode.js';
import { decodeWithFallback } from '../decode/fallback.js';
import { isSilent } from '../decode/quality.js';
import type { PackedWindow, PackedWindows } from './packed-windows.js';
import { type PackedSpeech, placeInFile, type FrameSpan } from '../../pieces/pack-speech.js';
import { toCentiseconds } from '../../centiseconds.js';
import { cutSegments } from '../decode/segments.js';
import { splitSentences } from '../../text/sentences.js';
import type { DecodeMode, Transcription } from '../whisper-transcription.js';
import { clipToSpeech, placeWords, type TimedWord, timeWords } from '../words/word-times.js';
import { isTooLongFor } from '../../text/spoken-words.js';
import { isPunctuation } from '../../text/punctuation.js';
import { splitWords } from '../words/split-words.js';
import type { WhisperEvent, WhisperSegment } from '../whisper-options.js';

/** With fewer tokens per second of speech, the end of the text may be missing. */
const MIN_TOKENS_PER_SECOND = 3;
/** Speech after the last word that makes a window be decoded again. */
const MIN_MISSING_SECONDS = 2;
/** Mel frames kept before a word, and minimum progress. */
const LEAD_IN_FRAMES = 15;
const MIN_STEP_FRAMES = 100;

/** A window of a batch and its decode context. */
export interface BatchEntry {
  readonly window: Omit<PackedWindow, 'mel'>;
  /** Owned by the batch. */
  readonly mel: MxArray;
  readonly mode: DecodeMode;
  readonly context: DecodeContext;
}

export class BatchSegmenter {
  #lastSpeechSeconds = 0;

  constructor(
    readonly work: Transcription<PackedWindows>,
    readonly signal: AbortSignal,
  ) {}

  /** Whether a text is so short for its speech that its end may be missing. */
  isTooShort({ window, context }: BatchEntry, { tokens, text }: DecodeResult): boolean {
    if (text === '' || window.spoken === undefined) return false;
    const { endOfText } = context.tokenizer.special;
    const textTokenCount = tokens.filter((token) => token < endOfText).length;
    return textTokenCount < MIN_TOKENS_PER_SECOND * secondsAfter(window.spoken, 0);
  }

  /**
   * Yields the segments of a window. If its end is missing, which happens to small models without timestamps, it is decoded
   * again from there.
   */
  async *emitSegments(
    entry: BatchEntry,
    result: DecodeResult,
    encoded: EncodedWindow,
    prompt: readonly number[],
  ): AsyncGenerator<WhisperEvent, void> {
    const { segments, missing } = await this.#segmentsOf(entry, result, encoded);
    this.work.addSegments(segments);
    for (const segment of segments) yield { type: 'segment', segment };
    if (missing === undefined) return;
    const { deps, settings, stopwatch } = this.work;
    const { context } = entry;
    const window = windowAfter(entry.window, missing);
    const mel = mx.tidy(() => melAfter(entry.mel, missing));
    try {
      const reencoded = await stopwatch.time('encode', () =>
        encode(deps.model, mx.reshape(mel, mel.shape), this.signal),
      );
      try {
        const found = yield* decodeWithFallback(context, reencoded, prompt, settings.thresholds, this.signal);
        stopwatch.add('decode', found.seconds);
        yield* this.emitSegments({ ...entry, window, mel }, found, reencoded, prompt);
      } finally {
        disposeWindow(reencoded);
      }
    } finally {
      mel.dispose();
    }
  }

  /** Segments, and the frame where missing text starts. */
  async #segmentsOf(
    entry: BatchEntry,
    result: DecodeResult,
    encoded: EncodedWindow,
  ): Promise<{ segments: WhisperSegment[]; missing?: number | undefined }> {
    const { window, mode, context } = entry;
    const { settings, deps, stopwatch } = this.work;
    if (isSilent(result, settings.thresholds, window.voice)) return { segments: [] };
    if (isTooLongFor(result.text, window.frames / FRAMES_PER_SECOND, mode.language)) return { segments: [] };
    const [whole] = cutSegments(result, deps.tokenizer, 0, window.frames, settings).segments;
    if (whole === undefined) return { segments: [] };
    const needsTimes = settings.timestamps === true || settings.wordTimestamps;
    const isTooShort = this.isTooShort(entry, result);
    if (!needsTimes && !isTooShort) return { segments: [toFileTimes(whole, window)] };
    return stopwatch.time('decode', async () => {
      const words = await this.#alignWords(whole, window, { ...context, ...mode }, encoded);
      const missing = isTooShort ? missingStart(words.at(-1)?.end ?? 0, window) : undefined;
      if (needsTimes) return { segments: this.#sentences(whole, window, words), missing };
      const trimmed = missing === undefined ? whole : { ...whole, end: words.at(-1)?.end ?? whole.end };
      return { segments: [toFileTimes(trimmed, window)], missing };
    });
  }

  async #alignWords(
    whole: WhisperSegment,
    window: BatchEntry['window'],
    { startSequence, language }: { startSequence: readonly number[]; language: string },
    encoded: EncodedWindow,
  ): Promise<TimedWord[]> {
    const { deps } = this.work;
    const alignment = { startSequence, audioFrames: window.frames };
    const times = await alignTokens(deps, encoded, whole.tokens, alignment, this.signal);
    const words = timeWords(splitWords(whole.tokens, deps.tokenizer, language), times, 0);
    const speech = window.spoken?.map(({ start, end }) => ({
      start: start / FRAMES_PER_SECOND,
      end: end / FRAMES_PER_SECOND,
    }));
    return placePunctuation(speech ? clipToSpeech(words, speech, 0) : words);
  }

  /** Splits the text of a window into sentences. */
  #sentences(
    whole: WhisperSegment,
    window: BatchEntry['window'],
    timedWords: readonly TimedWord[],
  ): WhisperSegment[] {
    const { settings } = this.work;
    const groups = splitSentences(timedWords.map((word) => ({ ...toFileTimes(word, window), word }))).map(
      (group) => group.map(({ word }) => word),
    );
    let at = 0;
    const segments = groups.map((group): WhisperSegment => {
      const tokens = group.flatMap((word) => word.tokens);
      const to = at + tokens.length;
      const logprobs = whole.tokenLogprobs?.slice(at, to);
      const bytes = whole.tokenBytes?.slice(at, to);
      at = to;
      const text = group.map((word) => word.text).join('');
      return {
        ...whole,
        text,
        tokens,
        ...defined({ tokenLogprobs: logprobs, tokenBytes: bytes }),
      };
    });
    const begin = (window.pieces[0]?.start ?? 0) / FRAMES_PER_SECOND;
    const lastSpeechSeconds = this.#lastSpeechSeconds - begin;
    const placed = placeWords(segments, groups, { offsetSeconds: 0, lastSpeechSeconds }).map((segment) =>
      toFileTimes(segment, window),
    );
    this.#lastSpeechSeconds = placed.at(-1)?.end ?? this.#lastSpeechSeconds;
    if (settings.wordTimestamps) return placed;
    return placed.map(({ words: _, ...segment }) => segment);
  }
}

/** Places punctuation at the end of the word before it, not in the pause after that. */
function placePunctuation(words: readonly TimedWord[]): TimedWord[] {
  let end = 0;
  return words.map((word, i) => {
    const isMark = i > 0 && !word.text.startsWith(' ') && isPunctuation(word.text);
    const placed = isMark ? { ...word, start: end, end } : word;
    end = placed.end;
    return placed;
  });
}

/** Seconds of spans after a frame. */
function secondsAfter(spans: readonly FrameSpan[], frame: number): number {
  return (
    spans.reduce((sum, { start, end }) => sum + Math.max(0, end - Math.max(start, frame)), 0) /
    FRAMES_PER_SECOND
  );
}

/** The start of the speech after the last word, if there is enough of it. */
function missingStart(lastSeconds: number, { spoken, frames }: BatchEntry['window']): number | undefined {
  if (spoken === undefined) return undefined;
  const last = Math.round(lastSeconds * FRAMES_PER_SECOND);
  if (last < MIN_STEP_FRAMES || secondsAfter(spoken, last) < MIN_MISSING_SECONDS) return undefined;
  const next = spoken.find(({ end }) => end > last + LEAD_IN_FRAMES);
  return next && Math.min(frames - 1, Math.max(last, next.start - LEAD_IN_FRAMES));
}

/** The part of a window after a frame. */
function windowAfter(window: BatchEntry['window'], frame: number): BatchEntry['window'] {
  let left = frame;
  const pieces = window.pieces.flatMap(({ start, end }) => {
    const from = Math.min(end, start + left);
    left -= from - start;
    return end > from ? [{ start: from, end }] : [];
  });
  const spoken = window.spoken?.flatMap(({ start, end }) =>
    end > frame ? [{ start: Math.max(0, start - frame), end: end - frame }] : [],
  );
  return { ...window, pieces, frames: window.frames - frame, spoken };
}

/** Log-mel [1, T, nMels] from a frame on, padded with zeros. */
function melAfter(mel: MxArray, frame: number): MxArray {
  const [, length = 0, nMels = 0] = mel.shape;
  const rest = mx.slice(mel, [0, frame, 0], [1, length, nMels]);
  return mx.concatenate([rest, mx.zeros([1, frame, nMels], mel.dtype)], 1);
}

/** Converts times of a window to times of the file. */
function toFileTimes<T extends { start: number; end: number; words?: Word[] }>(
  timed: T,
  window: PackedSpeech,
): T {
  const toFileSeconds = (seconds: number, isStart: boolean): number =>
    toCentiseconds(placeInFile(window, seconds * FRAMES_PER_SECOND, isStart) / FRAMES_PER_SECOND);
  const start = toFileSeconds(timed.start, true);
  const end = Math.max(start, toFileSeconds(timed.end, false));
  return {
    ...timed,
    start,
    end,
    ...defined({ words: timed.words?.map((word) => toFileTimes(word, window)) }),
  };
}

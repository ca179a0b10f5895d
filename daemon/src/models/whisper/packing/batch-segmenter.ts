/**
 * Segments of windows that were decoded together, with the times of the file. A text came without timestamps: its times are
 * its words', which are aligned with the audio.
 */
import { FRAMES_PER_SECOND } from '#daemon/audio/mel/mel.js';
import type { Segment, TranscribeEvent, Word } from '#daemon/protocol/transcription.js';
import { mx, type MxArray } from '#native/index.js';

import { alignTokens } from '../words/alignment.js';
import type { DecodeContext, DecodeResult } from '../decode/decode.js';
import { disposeWindow, encode, type EncodedWindow } from '../encode/encode.js';
import { decodeWithFallback } from '../decode/fallback.js';
import { isSilent } from '../decode/quality.js';
import type { PackedWindow, PackedWindows } from './packed-windows.js';
import { type PackedSpeech, placeInFile, type Span } from './pack-speech.js';
import { cutSegments, toCentiseconds } from '../decode/segments.js';
import { splitSentences } from './sentences.js';
import type { DecodeMode, Transcription } from '../transcription.js';
import { clipToSpeech, placeWords, type TimedWord, timeWords } from '../words/word-times.js';
import { isPunctuation, splitWords } from '../words/split-words.js';

/** Tokens in a second of speech: where there are fewer, it is looked whether the end of the text is missing. */
const MIN_TOKENS_PER_SECOND = 3;
/** Speech behind the last word for which a window is heard again. */
const MIN_MISSING_SECONDS = 2;
/** Frames: what is kept in front of a word, and the least that is gone forward. */
const LEAD_IN_FRAMES = 15;
const MIN_STEP_FRAMES = 100;

/** A window of a batch, and how it is decoded. */
export interface BatchEntry {
  readonly window: Omit<PackedWindow, 'mel'>;
  /** The window's, while the batch lasts. */
  readonly mel: MxArray;
  readonly mode: DecodeMode;
  readonly context: DecodeContext;
}

/** Makes segments of results, with the times of the file and, where they are asked for, with words. */
export class BatchSegmenter {
  #lastSpeechSeconds = 0;

  constructor(
    readonly work: Transcription<PackedWindows>,
    readonly signal: AbortSignal,
  ) {}

  /** Whether a text has so little for what is said that its end may be missing. */
  isTooShort({ window, context }: BatchEntry, { tokens, text }: DecodeResult): boolean {
    if (text === '' || window.spoken === undefined) return false;
    const { endOfText } = context.tokenizer.special;
    const said = tokens.filter((token) => token < endOfText).length;
    return said < MIN_TOKENS_PER_SECOND * secondsAfter(window.spoken, 0);
  }

  /**
   * The segments of a window. Where its end is missing, as happens to small models without timestamps, it is heard again
   * from there.
   */
  async *emitSegments(
    entry: BatchEntry,
    result: DecodeResult,
    encoded: EncodedWindow,
    prompt: readonly number[],
  ): AsyncGenerator<TranscribeEvent, void> {
    const { segments, missing } = await this.#segmentsOf(entry, result, encoded);
    this.work.addSegments(segments);
    for (const segment of segments) yield { type: 'segment', segment };
    if (missing === undefined) return;
    const { parts, settings, stopwatch } = this.work;
    const { context } = entry;
    const window = windowAfter(entry.window, missing);
    const mel = mx.tidy(() => melAfter(entry.mel, missing));
    try {
      const again = await stopwatch.time('encode', () =>
        encode(parts.model, mx.reshape(mel, mel.shape), this.signal),
      );
      try {
        const found = yield* decodeWithFallback(context, again, prompt, settings.thresholds, this.signal);
        stopwatch.add('decode', found.seconds);
        yield* this.emitSegments({ ...entry, window, mel }, found, again, prompt);
      } finally {
        disposeWindow(again);
      }
    } finally {
      mel.dispose();
    }
  }

  /** Segments, and the frame of the window from which on something is missing. */
  async #segmentsOf(
    entry: BatchEntry,
    result: DecodeResult,
    encoded: EncodedWindow,
  ): Promise<{ segments: Segment[]; missing?: number | undefined }> {
    const { window, mode, context } = entry;
    const { settings, parts, stopwatch } = this.work;
    if (isSilent(result, settings.thresholds, window.voice)) return { segments: [] };
    const [whole] = cutSegments(result, parts.tokenizer, 0, window.frames, settings).segments;
    if (whole === undefined) return { segments: [] };
    const timed = settings.timestamps === true || settings.wordTimestamps;
    const short = this.isTooShort(entry, result);
    if (!timed && !short) return { segments: [inFile(whole, window)] };
    return stopwatch.time('decode', async () => {
      const words = await this.#aligned(whole, window, { ...context, ...mode }, encoded);
      const missing = short ? missingStart(words.at(-1)?.end ?? 0, window) : undefined;
      if (timed) return { segments: this.#sentences(whole, window, words), missing };
      const heard = missing === undefined ? whole : { ...whole, end: words.at(-1)?.end ?? whole.end };
      return { segments: [inFile(heard, window)], missing };
    });
  }

  async #aligned(
    whole: Segment,
    window: BatchEntry['window'],
    { startSequence, language }: { startSequence: readonly number[]; language: string },
    encoded: EncodedWindow,
  ): Promise<TimedWord[]> {
    const { parts } = this.work;
    const alignment = { startSequence, audioFrames: window.frames };
    const times = await alignTokens(parts, encoded, whole.tokens, alignment, this.signal);
    const words = timeWords(splitWords(whole.tokens, parts.tokenizer, language), times, 0);
    const speech = window.spoken?.map(({ start, end }) => ({
      start: start / FRAMES_PER_SECOND,
      end: end / FRAMES_PER_SECOND,
    }));
    return placePunctuation(speech ? clipToSpeech(words, speech, 0) : words);
  }

  /** The text of a window in sentences. */
  #sentences(whole: Segment, window: BatchEntry['window'], heard: readonly TimedWord[]): Segment[] {
    const { settings } = this.work;
    const groups = splitSentences(heard.map((word) => ({ ...inFile(word, window), word }))).map((group) =>
      group.map(({ word }) => word),
    );
    let at = 0;
    const segments = groups.map((group): Segment => {
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
        ...(logprobs && { tokenLogprobs: logprobs }),
        ...(bytes && { tokenBytes: bytes }),
      };
    });
    const begin = (window.pieces[0]?.start ?? 0) / FRAMES_PER_SECOND;
    const lastSpeechSeconds = this.#lastSpeechSeconds - begin;
    const placed = placeWords(segments, groups, { offsetSeconds: 0, lastSpeechSeconds }).map((segment) =>
      inFile(segment, window),
    );
    this.#lastSpeechSeconds = placed.at(-1)?.end ?? this.#lastSpeechSeconds;
    if (settings.wordTimestamps) return placed;
    return placed.map(({ words: _, ...segment }) => segment);
  }
}

/** A mark is not said: it has the place where the word before it ends, and not the pause behind that. */
function placePunctuation(words: readonly TimedWord[]): TimedWord[] {
  let end = 0;
  return words.map((word, i) => {
    const isMark = i > 0 && !word.text.startsWith(' ') && isPunctuation(word.text);
    const placed = isMark ? { ...word, start: end, end } : word;
    end = placed.end;
    return placed;
  });
}

/** Seconds of spans behind a frame. */
function secondsAfter(spans: readonly Span[], frame: number): number {
  return (
    spans.reduce((sum, { start, end }) => sum + Math.max(0, end - Math.max(start, frame)), 0) /
    FRAMES_PER_SECOND
  );
}

/** Where what is said behind a text's last word begins, if there is much of it. */
function missingStart(lastSeconds: number, { spoken, frames }: BatchEntry['window']): number | undefined {
  if (spoken === undefined) return undefined;
  const last = Math.round(lastSeconds * FRAMES_PER_SECOND);
  if (last < MIN_STEP_FRAMES || secondsAfter(spoken, last) < MIN_MISSING_SECONDS) return undefined;
  const next = spoken.find(({ end }) => end > last + LEAD_IN_FRAMES);
  return next && Math.min(frames - 1, Math.max(last, next.start - LEAD_IN_FRAMES));
}

/** What of a window is behind a frame. */
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

/** Log-mel [1, T, nMels] from a frame on, zeros behind it. */
function melAfter(mel: MxArray, frame: number): MxArray {
  const [, length = 0, nMels = 0] = mel.shape;
  const rest = mx.slice(mel, [0, frame, 0], [1, length, nMels]);
  return mx.concatenate([rest, mx.zeros([1, frame, nMels], mel.dtype)], 1);
}

/** A place in the times of its window as one in those of the file. */
function inFile<T extends { start: number; end: number; words?: Word[] }>(timed: T, window: PackedSpeech): T {
  const place = (seconds: number, begins: boolean): number =>
    toCentiseconds(placeInFile(window, seconds * FRAMES_PER_SECOND, begins) / FRAMES_PER_SECOND);
  const start = place(timed.start, true);
  const end = Math.max(start, place(timed.end, false));
  return {
    ...timed,
    start,
    end,
    ...(timed.words && { words: timed.words.map((word) => inFile(word, window)) }),
  };
}

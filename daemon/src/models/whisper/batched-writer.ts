/**
 * Segments of windows that were decoded together, with the times of the file. A text came without timestamps: its times are
 * its words', which are aligned with the audio.
 */
import { FRAMES_PER_SECOND } from '#daemon/audio/mel.js';
import type { Segment, TranscribeEvent, Word } from '#daemon/protocol/transcription.js';
import { mx, type MxArray } from '#native/index.js';

import { alignTokens } from './alignment.js';
import type { DecodeContext, DecodeResult } from './decode.js';
import { disposeWindow, encode, type EncodedWindow } from './encode.js';
import { decodeWithFallback } from './fallback.js';
import { isSilent } from './judging.js';
import type { PackedWindow, PackedWindows } from './packed-windows.js';
import { type Packed, placeInFile, type Span } from './packing.js';
import { cutSegments, toCentiseconds } from './segments.js';
import { intoSentences } from './sentences.js';
import type { Manner, Transcription } from './transcription.js';
import { clipToSpeech, placeWords, type TimedWord, timeWords } from './word-times.js';
import { isPunctuation, splitWords } from './words.js';

/** Tokens in a second of speech: where there are fewer, it is looked whether the end of the text is missing. */
const LEAST_TOKENS_PER_SECOND = 3;
/** Speech behind the last word for which a window is heard again. */
const MISSING_SECONDS = 2;
/** Frames: what is kept in front of a word, and the least that is gone forward. */
const AIR = 15;
const LEAST_STEP = 100;

/** A window of a batch, and how it is decoded. */
export interface Entry {
  readonly window: Omit<PackedWindow, 'mel'>;
  /** The window's, while the batch lasts. */
  readonly mel: MxArray;
  readonly manner: Manner;
  readonly context: DecodeContext;
}

/** Makes segments of results, with the times of the file and, where they are asked for, with words. */
export class BatchWriter {
  #lastSpeechSeconds = 0;

  constructor(
    readonly work: Transcription<PackedWindows>,
    readonly signal: AbortSignal,
  ) {}

  /** Whether a text has so little for what is said that its end may be missing. */
  isShort({ window, context }: Entry, { tokens, text }: DecodeResult): boolean {
    if (text === '' || window.spoken === undefined) return false;
    const { endOfText } = context.tokenizer.special;
    const said = tokens.filter((token) => token < endOfText).length;
    return said < LEAST_TOKENS_PER_SECOND * lengthBehind(window.spoken, 0);
  }

  /**
   * The segments of a window. Where its end is missing, as happens to small models without timestamps, it is heard again
   * from there.
   */
  async *tell(
    entry: Entry,
    result: DecodeResult,
    encoded: EncodedWindow,
    prompt: readonly number[],
  ): AsyncGenerator<TranscribeEvent, void> {
    const { segments, missing } = await this.#segmentsOf(entry, result, encoded);
    this.work.keep(segments);
    for (const segment of segments) yield { type: 'segment', segment };
    if (missing === undefined) return;
    const { parts, settings, clock } = this.work;
    const { context } = entry;
    const window = behind(entry.window, missing);
    const mel = mx.tidy(() => melBehind(entry.mel, missing));
    try {
      const again = await clock.time('encode', () =>
        encode(parts.model, mx.reshape(mel, mel.shape), this.signal),
      );
      try {
        const found = yield* decodeWithFallback(context, again, prompt, settings.thresholds, this.signal);
        clock.add('decode', found.seconds);
        yield* this.tell({ ...entry, window, mel }, found, again, prompt);
      } finally {
        disposeWindow(again);
      }
    } finally {
      mel.dispose();
    }
  }

  /** Segments, and the frame of the window from which on something is missing. */
  async #segmentsOf(
    entry: Entry,
    result: DecodeResult,
    encoded: EncodedWindow,
  ): Promise<{ segments: Segment[]; missing?: number | undefined }> {
    const { window, manner, context } = entry;
    const { settings, parts, clock } = this.work;
    if (isSilent(result, settings.thresholds, window.voice)) return { segments: [] };
    const [whole] = cutSegments(result, parts.tokenizer, 0, window.frames, settings).segments;
    if (whole === undefined) return { segments: [] };
    const timed = settings.timestamps === true || settings.wordTimes;
    const short = this.isShort(entry, result);
    if (!timed && !short) return { segments: [inFile(whole, window)] };
    return clock.time('decode', async () => {
      const words = await this.#aligned(whole, window, { ...context, ...manner }, encoded);
      const missing = short ? missingFrom(words.at(-1)?.end ?? 0, window) : undefined;
      if (timed) return { segments: this.#sentences(whole, window, words), missing };
      const heard = missing === undefined ? whole : { ...whole, end: words.at(-1)?.end ?? whole.end };
      return { segments: [inFile(heard, window)], missing };
    });
  }

  async #aligned(
    whole: Segment,
    window: Entry['window'],
    { startSequence, language }: { startSequence: readonly number[]; language: string },
    encoded: EncodedWindow,
  ): Promise<TimedWord[]> {
    const { parts } = this.work;
    const asked = { startSequence, audioFrames: window.frames };
    const times = await alignTokens(parts, encoded, whole.tokens, asked, this.signal);
    const words = timeWords(splitWords(whole.tokens, parts.tokenizer, language), times, 0);
    const speech = window.spoken?.map(({ start, end }) => ({
      start: start / FRAMES_PER_SECOND,
      end: end / FRAMES_PER_SECOND,
    }));
    return withMarks(speech ? clipToSpeech(words, speech, 0) : words);
  }

  /** The text of a window in sentences. */
  #sentences(whole: Segment, window: Entry['window'], heard: readonly TimedWord[]): Segment[] {
    const { settings } = this.work;
    const groups = intoSentences(heard.map((word) => ({ ...inFile(word, window), word }))).map((group) =>
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
    if (settings.wordTimes) return placed;
    return placed.map(({ words: _, ...segment }) => segment);
  }
}

/** A mark is not said: it has the place where the word before it ends, and not the pause behind that. */
function withMarks(words: readonly TimedWord[]): TimedWord[] {
  let end = 0;
  return words.map((word, i) => {
    const isMark = i > 0 && !word.text.startsWith(' ') && isPunctuation(word.text);
    const placed = isMark ? { ...word, start: end, end } : word;
    end = placed.end;
    return placed;
  });
}

/** Seconds of spans behind a frame. */
function lengthBehind(spans: readonly Span[], frame: number): number {
  return (
    spans.reduce((sum, { start, end }) => sum + Math.max(0, end - Math.max(start, frame)), 0) /
    FRAMES_PER_SECOND
  );
}

/** Where what is said behind a text's last word begins, if there is much of it. */
function missingFrom(lastSeconds: number, { spoken, frames }: Entry['window']): number | undefined {
  if (spoken === undefined) return undefined;
  const last = Math.round(lastSeconds * FRAMES_PER_SECOND);
  if (last < LEAST_STEP || lengthBehind(spoken, last) < MISSING_SECONDS) return undefined;
  const next = spoken.find(({ end }) => end > last + AIR);
  return next && Math.min(frames - 1, Math.max(last, next.start - AIR));
}

/** What of a window is behind a frame. */
function behind(window: Entry['window'], frame: number): Entry['window'] {
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
function melBehind(mel: MxArray, frame: number): MxArray {
  const [, length = 0, nMels = 0] = mel.shape;
  const rest = mx.slice(mel, [0, frame, 0], [1, length, nMels]);
  return mx.concatenate([rest, mx.zeros([1, frame, nMels], mel.dtype)], 1);
}

/** A place in the times of its window as one in those of the file. */
function inFile<T extends { start: number; end: number; words?: Word[] }>(timed: T, window: Packed): T {
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

/**
 * Long form, several windows at once: each is packed with speech up to where somebody pauses (packing.ts), and none is
 * given the text before it. The decoder writes text alone: asked for timestamps too, it leaves the end of a window that
 * does not end with a sentence to the next one, which is not there. Times come from the words, which are aligned with the
 * audio. What is told, and in which order, is as one after the other.
 */
import { FRAMES_PER_SECOND } from '#daemon/audio/mel.js';
import type { SpeechOptions } from '#daemon/audio/vad/index.js';
import type { Segment, TranscribeEvent, Word } from '#daemon/protocol/transcription.js';
import { mx, type MxArray } from '#native/index.js';

import { alignTokens } from './alignment.js';
import { throwIfCancelled } from './cancel.js';
import type { DecodeContext, DecodeResult } from './decode.js';
import { decodeBatch } from './decode-batch.js';
import { disposeWindow, encode, type EncodedWindow, joinWindows, pickWindows } from './encode.js';
import { decodeWithFallback, searchesOnHost } from './fallback.js';
import type { PackedWindow, PackedWindows } from './packed-windows.js';
import { type Packed, placeInFile, type Span } from './packing.js';
import { intoSentences } from './sentences.js';
import { cutSegments, toCentiseconds } from './segments.js';
import { isSilent, needsFallback } from './judging.js';
import type { Manner, Transcription } from './transcription.js';
import { clipToSpeech, placeWords, type TimedWord, timeWords } from './word-times.js';
import { isPunctuation, splitWords } from './words.js';

/** What of a pause is longer is left out: a window then holds more speech. Measured (../README.md). */
export const BATCHED_SPEECH: SpeechOptions = { minSilenceMs: 500, speechPadMs: 250 };

/** Tokens in a second of speech: where there are fewer, it is looked whether the end of the text is missing. */
const LEAST_TOKENS_PER_SECOND = 3.4;
/** Speech behind the last word for which a window is heard again. */
const MISSING_SECONDS = 2;
/** Frames: what is kept in front of a word, and the least that is gone forward. */
const AIR = 15;
const LEAST_STEP = 100;

/** A window of a batch, and how it is decoded. */
interface Entry {
  readonly window: Omit<PackedWindow, 'mel'>;
  /** The window's, while the batch lasts. */
  readonly mel: MxArray;
  readonly manner: Manner;
  readonly context: DecodeContext;
}

export async function* readInBatches(
  work: Transcription<PackedWindows>,
  signal: AbortSignal,
): AsyncGenerator<TranscribeEvent, void> {
  const { clock, settings, windows, parts } = work;
  const { model } = parts;
  const prompt = work.prompt.tokens; // for every window
  const writer = new Writer(work, signal);
  let manner: Manner | undefined;
  let encoded: EncodedWindow[] = [];
  let joined: EncodedWindow | undefined;
  const kept: MxArray[] = [];
  let ahead = windows.next(model.dtype, signal);
  ahead.catch(() => undefined);
  try {
    for (;;) {
      const entries: Entry[] = [];
      while (entries.length < settings.batchSize) {
        throwIfCancelled(signal);
        const window = await clock.time('mel', () => ahead);
        if (window === undefined) break;
        const mel = mx.reshape(window.mel, window.mel.shape); // `encode` frees the one that it is given
        kept.push(mel);
        const encoding = clock.time('encode', () => encode(model, window.mel, signal));
        ahead = windows.next(model.dtype, signal); // while the encoder works
        ahead.catch(() => undefined);
        const one = await encoding;
        encoded.push(one);
        if (manner === undefined) {
          const found =
            work.language === undefined
              ? await work.detect(one)
              : { language: work.language, probability: 1 };
          work.language = found.language;
          yield { type: 'language', language: found.language, probability: found.probability };
          manner = { language: found.language, timestamps: false };
        }
        const start = window.pieces[0]?.start ?? 0;
        entries.push({
          window,
          mel,
          manner,
          context: work.context(manner, { start, frames: window.frames }, window.voice),
        });
      }
      if (entries.length === 0) return;
      const windowsHere = encoded;
      encoded = []; // they are the joined one's from here on
      joined = await clock.time('decode', () => joinWindows(windowsHere));
      yield* inOrder(work, entries, joined, prompt, writer, signal);
      disposeWindow(joined);
      joined = undefined;
      mx.dispose(kept.splice(0));
    }
  } finally {
    mx.dispose(kept);
    for (const window of encoded) disposeWindow(window);
    if (joined !== undefined) disposeWindow(joined);
    const left = await ahead.catch(() => undefined);
    left?.mel.dispose();
  }
}

/** Decodes a batch, and tells of its windows in their order. */
async function* inOrder(
  work: Transcription<PackedWindows>,
  entries: readonly Entry[],
  joined: EncodedWindow,
  prompt: readonly number[],
  writer: Writer,
  signal: AbortSignal,
): AsyncGenerator<TranscribeEvent, void> {
  const { clock, settings } = work;
  const { thresholds } = settings;
  const [first = 0, ...warmer] = thresholds.temperatures;
  const results: (DecodeResult | undefined)[] = entries.map(() => undefined);
  let told = 0;
  let busy = true; // the caches are the batch's
  const tell = async function* (): AsyncGenerator<TranscribeEvent, void> {
    for (; told < entries.length; told++) {
      const [entry, result] = [entries[told], results[told]];
      if (entry === undefined || result === undefined) return;
      if (busy && writer.isShort(entry, result)) return; // what is missing is decoded alone
      const window = pickWindows(joined, [told]);
      try {
        yield* writer.tell(entry, result, window, prompt);
      } finally {
        disposeWindow(window);
      }
      const end = (entry.window.pieces.at(-1)?.end ?? 0) / FRAMES_PER_SECOND;
      yield { type: 'progress', seconds: Math.min(end, work.windows.secondsRead) };
    }
  };

  const isLast = warmer.length === 0;
  const together =
    first === 0 &&
    entries.every(({ context }) => context.prefix === undefined && !searchesOnHost(context, first));
  const tried = together
    ? decodeBatch(
        entries.map(({ context }) => ({
          ...context,
          loops: isLast ? context.loops?.patient : context.loops,
        })),
        joined,
        prompt,
        signal,
      )
    : [];
  for await (const event of tried) {
    const { row, result } = event;
    if (result === undefined) {
      if (row === told) yield { type: 'text', text: event.text };
      continue;
    }
    clock.add('decode', result.seconds);
    if (!needsFallback(result, thresholds)) results[row] = result;
    else if (isLast) results[row] = result;
    yield* tell();
  }
  busy = false;
  for (const [row, { context }] of entries.entries()) {
    if (results[row] === undefined) {
      const window = pickWindows(joined, [row]);
      try {
        const temperatures = together ? warmer : thresholds.temperatures;
        const again = yield* decodeWithFallback(
          context,
          window,
          prompt,
          { ...thresholds, temperatures },
          signal,
        );
        clock.add('decode', again.seconds);
        results[row] = again;
      } finally {
        disposeWindow(window);
      }
    }
    yield* tell();
  }
}

/** Makes segments of results, with the times of the file and, where they are asked for, with words. */
class Writer {
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
      const logprobs = whole.tokenLogprobs?.slice(at, at + tokens.length);
      at += tokens.length;
      const text = group.map((word) => word.text).join('');
      return { ...whole, text, tokens, ...(logprobs && { tokenLogprobs: logprobs }) };
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

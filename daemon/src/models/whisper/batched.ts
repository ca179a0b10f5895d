/**
 * Long form, several windows at once: each is packed with speech up to where somebody pauses (packing.ts), and none is
 * given the text before it. The decoder writes text alone: asked for timestamps too, it leaves the end of a window that
 * does not end with a sentence to the next one, which is not there. Times come from the words, which are aligned with the
 * audio. What is told, and in which order, is as one after the other.
 */
import { FRAMES_PER_SECOND } from '#daemon/audio/mel.js';
import type { SpeechOptions } from '#daemon/audio/vad/index.js';
import type { Segment, TranscribeEvent, Word } from '#daemon/protocol/transcription.js';

import { alignTokens } from './alignment.js';
import { throwIfCancelled } from './cancel.js';
import type { DecodeContext, DecodeResult } from './decode.js';
import { decodeBatch } from './decode-batch.js';
import { disposeWindow, encode, type EncodedWindow, joinWindows, pickWindows } from './encode.js';
import { decodeWithFallback, searchesOnHost } from './fallback.js';
import type { PackedWindow, PackedWindows } from './packed-windows.js';
import { placeInFile } from './packing.js';
import { intoSentences } from './sentences.js';
import { cutSegments, toCentiseconds } from './segments.js';
import { isSilent, needsFallback } from './judging.js';
import type { Manner, Transcription } from './transcription.js';
import { clipToSpeech, placeWords, timeWords } from './word-times.js';
import { splitWords } from './words.js';

/** What of a pause is longer is left out: a window then holds more speech. Measured (../README.md). */
export const BATCHED_SPEECH: SpeechOptions = { minSilenceMs: 500, speechPadMs: 250 };

/** A window of a batch, and how it is decoded. */
interface Entry {
  readonly window: PackedWindow;
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
  let ahead = windows.next(model.dtype, signal);
  ahead.catch(() => undefined);
  try {
    for (;;) {
      const entries: Entry[] = [];
      while (entries.length < settings.batchSize) {
        throwIfCancelled(signal);
        const window = await clock.time('mel', () => ahead);
        if (window === undefined) break;
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
    }
  } finally {
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
  const tell = async function* (): AsyncGenerator<TranscribeEvent, void> {
    for (; told < entries.length; told++) {
      const [entry, result] = [entries[told], results[told]];
      if (entry === undefined || result === undefined) return;
      const segments = await writer.segmentsOf(entry, result, joined, told);
      work.keep(segments);
      for (const segment of segments) yield { type: 'segment', segment };
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

  async segmentsOf(
    { window, manner, context }: Entry,
    result: DecodeResult,
    joined: EncodedWindow,
    row: number,
  ): Promise<Segment[]> {
    const { settings, parts, clock } = this.work;
    if (isSilent(result, settings.thresholds, window.voice)) return [];
    const { segments } = cutSegments(result, parts.tokenizer, 0, window.frames, settings);
    const [whole] = segments;
    if (whole === undefined) return [];
    if (settings.timestamps !== true && !settings.wordTimes) return [inFile(whole, window)];
    const encoded = pickWindows(joined, [row]);
    try {
      return await clock.time('decode', () => this.#timed(whole, window, { ...context, ...manner }, encoded));
    } finally {
      disposeWindow(encoded);
    }
  }

  /** The text of a window in sentences. */
  async #timed(
    whole: Segment,
    window: PackedWindow,
    { startSequence, language }: { startSequence: readonly number[]; language: string },
    encoded: EncodedWindow,
  ): Promise<Segment[]> {
    const { parts, settings } = this.work;
    const { tokenizer } = parts;
    const asked = { startSequence, audioFrames: window.frames };
    const times = await alignTokens(parts, encoded, whole.tokens, asked, this.signal);
    const words = timeWords(splitWords(whole.tokens, tokenizer, language), times, 0);
    const speech = window.spoken?.map(({ start, end }) => ({
      start: start / FRAMES_PER_SECOND,
      end: end / FRAMES_PER_SECOND,
    }));
    const heard = speech ? clipToSpeech(words, speech, 0) : words;
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

/** A place in the times of its window as one in those of the file. */
function inFile<T extends { start: number; end: number; words?: Word[] }>(timed: T, window: PackedWindow): T {
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

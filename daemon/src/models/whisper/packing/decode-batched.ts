/**
 * Long-form transcription, several windows at once. Each window is packed with speech up to a pause (../../pieces/pack-speech.ts) and has
 * no prompt of earlier text. The decoder samples no timestamps: with them it leaves the end of a window without a sentence
 * end to the next window, which does not contain it. Times come from aligned words. Events and their order equal those of
 * sequential decoding.
 */
import { FRAMES_PER_SECOND } from '#daemon/audio/mel/mel.js';
import type { SpeechOptions } from '#daemon/audio/vad/index.js';
import { mx, type MxArray } from '#native/index.js';

import { BatchSegmenter, type BatchEntry } from './batch-segmenter.js';
import { throwIfCancelled } from '#daemon/async.js';
import type { DecodeContext, DecodeResult } from '../decode/decode.js';
import { decodeBatch } from './decode-batch.js';
import { disposeWindow, encode, type EncodedWindow, joinWindows, pickWindows } from '../encode/encode.js';
import { searchesOnHost } from '../decode/decode-once.js';
import { decodeWithFallback } from '../decode/fallback.js';
import { needsFallback } from '../decode/quality.js';
import { decodeAgainIfDoubtful, isDoubtful } from '../decode/second-decode.js';
import type { PackedWindows } from './packed-windows.js';
import type { DecodeMode, Transcription } from '../whisper-transcription.js';
import type { WhisperEvent } from '../whisper-options.js';

/** Longer pauses are left out, so that a window holds more speech. Measured (../../NOTES.md). */
export const BATCHED_SPEECH: SpeechOptions = { minSilenceMs: 500, speechPadMs: 250 };

export async function* decodeBatched(
  work: Transcription<PackedWindows>,
  signal: AbortSignal,
): AsyncGenerator<WhisperEvent, void> {
  const { stopwatch, settings, windows, deps } = work;
  const { model } = deps;
  const prompt = work.prompt.tokens; // the same for every window
  const segmenter = new BatchSegmenter(work, signal);
  let mode: DecodeMode | undefined;
  let encoded: EncodedWindow[] = [];
  let joined: EncodedWindow | undefined;
  const heldMels: MxArray[] = [];
  let prefetched = windows.next(model.dtype, signal);
  prefetched.catch(() => undefined);
  try {
    for (;;) {
      const entries: BatchEntry[] = [];
      while (entries.length < settings.batchSize) {
        throwIfCancelled(signal);
        const window = await stopwatch.time('mel', () => prefetched);
        if (window === undefined) break;
        const mel = mx.reshape(window.mel, window.mel.shape); // `encode` frees its argument
        heldMels.push(mel);
        const encoding = stopwatch.time('encode', () => encode(model, window.mel, signal));
        prefetched = windows.next(model.dtype, signal); // while the encoder runs
        prefetched.catch(() => undefined);
        const one = await encoding;
        encoded.push(one);
        if (mode === undefined) {
          const found =
            work.language === undefined
              ? await work.detect(one)
              : { language: work.language, probability: 1 };
          work.language = found.language;
          yield { type: 'language', language: found.language, probability: found.probability };
          mode = { language: found.language, timestamps: false };
        }
        const start = window.pieces[0]?.start ?? 0;
        entries.push({
          window,
          mel,
          mode,
          context: work.context(mode, { start, frames: window.frames }, window.voice),
        });
      }
      if (entries.length === 0) return;
      const batchWindows = encoded;
      encoded = []; // owned by the joined window from here on
      joined = await stopwatch.time('decode', () => joinWindows(batchWindows));
      yield* decodeInOrder(work, entries, joined, prompt, segmenter, signal);
      disposeWindow(joined);
      joined = undefined;
      mx.dispose(heldMels.splice(0));
    }
  } finally {
    mx.dispose(heldMels);
    for (const window of encoded) disposeWindow(window);
    if (joined !== undefined) disposeWindow(joined);
    const left = await prefetched.catch(() => undefined);
    left?.mel.dispose();
  }
}

/** Decodes a batch and yields the events of its windows in order. */
async function* decodeInOrder(
  work: Transcription<PackedWindows>,
  entries: readonly BatchEntry[],
  joined: EncodedWindow,
  prompt: readonly number[],
  segmenter: BatchSegmenter,
  signal: AbortSignal,
): AsyncGenerator<WhisperEvent, void> {
  const { stopwatch, settings } = work;
  const { thresholds } = settings;
  const [first = 0, ...fallbackTemperatures] = thresholds.temperatures;
  const results: (DecodeResult | undefined)[] = entries.map(() => undefined);
  const doubtful: (DecodeResult | undefined)[] = entries.map(() => undefined);
  let nextRow = 0;
  let areCachesInUse = true; // by the batch
  const emitReady = async function* (): AsyncGenerator<WhisperEvent, void> {
    for (; nextRow < entries.length; nextRow++) {
      const [entry, result] = [entries[nextRow], results[nextRow]];
      if (entry === undefined || result === undefined) return;
      if (areCachesInUse && segmenter.isTooShort(entry, result)) return; // its missing end is decoded alone
      const window = pickWindows(joined, [nextRow]);
      try {
        yield* segmenter.emitSegments(entry, result, window, prompt);
      } finally {
        disposeWindow(window);
      }
      const end = (entry.window.pieces.at(-1)?.end ?? 0) / FRAMES_PER_SECOND;
      yield { type: 'progress', seconds: Math.min(end, work.windows.secondsRead) };
    }
  };

  /** Decodes a window alone: one of a batch only where its greedy text is doubtful or fails the thresholds. */
  const redecode = async function* (
    context: DecodeContext,
    first: DecodeResult | undefined,
    window: EncodedWindow,
  ): AsyncGenerator<WhisperEvent, DecodeResult> {
    if (first !== undefined) {
      const better = await decodeAgainIfDoubtful(first, context, window, prompt, thresholds, signal);
      stopwatch.add('decode', better.seconds - first.seconds);
      if (isLast || !needsFallback(better, thresholds, context.evidence)) return better;
    }
    const temperatures = canBatch ? fallbackTemperatures : thresholds.temperatures;
    const limits = { ...thresholds, temperatures };
    const found = yield* decodeWithFallback(context, window, prompt, limits, signal);
    stopwatch.add('decode', found.seconds);
    return found;
  };

  const isLast = fallbackTemperatures.length === 0;
  const canBatch =
    first === 0 &&
    entries.every(({ context }) => context.prefix === undefined && !searchesOnHost(context, first));
  const events = canBatch
    ? decodeBatch(
        entries.map(({ context }) => ({
          ...context,
          loops: isLast ? context.loops?.lenient : context.loops,
        })),
        joined,
        prompt,
        signal,
      )
    : [];
  for await (const event of events) {
    const { row, result } = event;
    if (result === undefined) {
      if (row === nextRow) yield { type: 'text', text: event.text };
      continue;
    }
    stopwatch.add('decode', result.seconds);
    const context = entries[row]?.context;
    const isFinal = isLast || !needsFallback(result, thresholds, context?.evidence);
    if (context !== undefined && isDoubtful(result, context, thresholds)) doubtful[row] = result;
    else if (isFinal) results[row] = result;
    yield* emitReady();
  }
  areCachesInUse = false;
  for (const [row, { context }] of entries.entries()) {
    if (results[row] === undefined) {
      const window = pickWindows(joined, [row]);
      try {
        results[row] = yield* redecode(context, doubtful[row], window);
      } finally {
        disposeWindow(window);
      }
    }
    yield* emitReady();
  }
}

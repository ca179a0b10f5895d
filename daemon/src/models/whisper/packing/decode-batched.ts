/**
 * Long form, several windows at once: each is packed with speech up to where somebody pauses (packing.ts), and none is
 * given the text before it. The decoder writes text alone: asked for timestamps too, it leaves the end of a window that
 * does not end with a sentence to the next one, which is not there. Times come from the words, which are aligned with the
 * audio. What is told, and in which order, is as one after the other.
 */
import { FRAMES_PER_SECOND } from '#daemon/audio/mel/mel.js';
import type { SpeechOptions } from '#daemon/audio/vad/index.js';
import type { TranscribeEvent } from '#daemon/protocol/transcription.js';
import { mx, type MxArray } from '#native/index.js';

import { BatchSegmenter, type BatchEntry } from './batch-segmenter.js';
import { throwIfCancelled } from '../cancellation.js';
import type { DecodeResult } from '../decode/decode.js';
import { decodeBatch } from './decode-batch.js';
import { disposeWindow, encode, type EncodedWindow, joinWindows, pickWindows } from '../encode/encode.js';
import { decodeWithFallback, searchesOnHost } from '../decode/fallback.js';
import { needsFallback } from '../decode/quality.js';
import type { PackedWindows } from './packed-windows.js';
import type { DecodeMode, Transcription } from '../transcription.js';

/** What of a pause is longer is left out: a window then holds more speech. Measured (../README.md). */
export const BATCHED_SPEECH: SpeechOptions = { minSilenceMs: 500, speechPadMs: 250 };

export async function* decodeBatched(
  work: Transcription<PackedWindows>,
  signal: AbortSignal,
): AsyncGenerator<TranscribeEvent, void> {
  const { stopwatch, settings, windows, parts } = work;
  const { model } = parts;
  const prompt = work.prompt.tokens; // for every window
  const segmenter = new BatchSegmenter(work, signal);
  let mode: DecodeMode | undefined;
  let encoded: EncodedWindow[] = [];
  let joined: EncodedWindow | undefined;
  const kept: MxArray[] = [];
  let prefetched = windows.next(model.dtype, signal);
  prefetched.catch(() => undefined);
  try {
    for (;;) {
      const entries: BatchEntry[] = [];
      while (entries.length < settings.batchSize) {
        throwIfCancelled(signal);
        const window = await stopwatch.time('mel', () => prefetched);
        if (window === undefined) break;
        const mel = mx.reshape(window.mel, window.mel.shape); // `encode` frees the one that it is given
        kept.push(mel);
        const encoding = stopwatch.time('encode', () => encode(model, window.mel, signal));
        prefetched = windows.next(model.dtype, signal); // while the encoder works
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
      encoded = []; // they are the joined one's from here on
      joined = await stopwatch.time('decode', () => joinWindows(batchWindows));
      yield* decodeInOrder(work, entries, joined, prompt, segmenter, signal);
      disposeWindow(joined);
      joined = undefined;
      mx.dispose(kept.splice(0));
    }
  } finally {
    mx.dispose(kept);
    for (const window of encoded) disposeWindow(window);
    if (joined !== undefined) disposeWindow(joined);
    const left = await prefetched.catch(() => undefined);
    left?.mel.dispose();
  }
}

/** Decodes a batch, and tells of its windows in their order. */
async function* decodeInOrder(
  work: Transcription<PackedWindows>,
  entries: readonly BatchEntry[],
  joined: EncodedWindow,
  prompt: readonly number[],
  segmenter: BatchSegmenter,
  signal: AbortSignal,
): AsyncGenerator<TranscribeEvent, void> {
  const { stopwatch, settings } = work;
  const { thresholds } = settings;
  const [first = 0, ...warmer] = thresholds.temperatures;
  const results: (DecodeResult | undefined)[] = entries.map(() => undefined);
  let nextRow = 0;
  let areCachesInUse = true; // the caches are the batch's
  const emitSegments = async function* (): AsyncGenerator<TranscribeEvent, void> {
    for (; nextRow < entries.length; nextRow++) {
      const [entry, result] = [entries[nextRow], results[nextRow]];
      if (entry === undefined || result === undefined) return;
      if (areCachesInUse && segmenter.isTooShort(entry, result)) return; // what is missing is decoded alone
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

  const isLast = warmer.length === 0;
  const canBatch =
    first === 0 &&
    entries.every(({ context }) => context.prefix === undefined && !searchesOnHost(context, first));
  const tried = canBatch
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
  for await (const event of tried) {
    const { row, result } = event;
    if (result === undefined) {
      if (row === nextRow) yield { type: 'text', text: event.text };
      continue;
    }
    stopwatch.add('decode', result.seconds);
    if (isLast || !needsFallback(result, thresholds, entries[row]?.context.evidence)) results[row] = result;
    yield* emitSegments();
  }
  areCachesInUse = false;
  for (const [row, { context }] of entries.entries()) {
    if (results[row] === undefined) {
      const window = pickWindows(joined, [row]);
      try {
        const temperatures = canBatch ? warmer : thresholds.temperatures;
        const again = yield* decodeWithFallback(
          context,
          window,
          prompt,
          { ...thresholds, temperatures },
          signal,
        );
        stopwatch.add('decode', again.seconds);
        results[row] = again;
      } finally {
        disposeWindow(window);
      }
    }
    yield* emitSegments();
  }
}

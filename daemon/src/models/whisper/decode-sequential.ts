/**
 * Long-form transcription, one window after the other: each starts at the last timestamp of the previous one and has the
 * text so far as its prompt.
 */
import { FRAMES_PER_SECOND } from '#daemon/audio/mel/mel.js';

import { type Window, WINDOW_FRAMES } from './encode/audio-windows.js';
import { throwIfCancelled } from '#daemon/async.js';
import type { DecodeResult } from './decode/decode.js';
import { disposeWindow, type EncodedWindow } from './encode/encode.js';
import { decodeOnce } from './decode/decode-once.js';
import { decodeWithFallback } from './decode/fallback.js';
import { decodeAgainIfDoubtful } from './decode/second-decode.js';
import { LanguageTracker } from './language/language-tracker.js';
import { detectOverWindows } from './language/language-votes.js';
import { isPlausible, shortWindowFrames } from './encode/short-window.js';
import type { DecodeMode, Transcription } from './whisper-transcription.js';
import type { WhisperEvent } from './whisper-options.js';

export async function* decodeSequential(
  work: Transcription,
  signal: AbortSignal,
): AsyncGenerator<WhisperEvent, void> {
  const { stopwatch, windows, settings } = work;
  const { thresholds } = settings;
  const languages = settings.multilingual ? new LanguageTracker(work) : undefined;
  let mode: DecodeMode | undefined;
  let encoded: EncodedWindow | undefined;
  let seek = 0; // in frames
  try {
    for (;;) {
      throwIfCancelled(signal);
      const candidate = await stopwatch.time('mel', () => windows.next(seek, signal));
      if (candidate === undefined) break;
      const timestamps =
        mode?.timestamps ?? (settings.timestamps === 'auto' ? !windows.fitsInOneWindow : settings.timestamps);
      const isShort = settings.timestamps === 'auto' && !timestamps;
      const lengthOf = (span: Window): number => (isShort ? shortWindowFrames(span.frames) : WINDOW_FRAMES);
      const encode = (span: Window): Promise<EncodedWindow> => {
        const length = lengthOf(span);
        return work.encode(span, length, length < WINDOW_FRAMES ? 'silence' : 'zero', signal);
      };
      let window = candidate;
      let found: { readonly language: string; readonly probability: number } | undefined;
      if (languages !== undefined) {
        const planned = await languages.plan(candidate, encode, signal);
        ({ window, encoded } = planned);
        if (planned.language !== mode?.language) found = planned;
        if (mode !== undefined && found !== undefined) work.prompt.reset(); // it is in another language
      } else {
        const encoding = encode(window);
        windows.prefetch(window.start + 2 * WINDOW_FRAMES, signal); // while the encoder runs
        encoded = await encoding;
        if (work.language !== undefined)
          found = mode ? undefined : { language: work.language, probability: 1 };
        else found = await detectOverWindows(work, window, encoded, settings.languageWindows, signal);
      }
      throwIfCancelled(signal);
      seek = window.start;
      if (found !== undefined) {
        work.language ??= found.language;
        yield { type: 'language', language: found.language, probability: found.probability };
        mode = { language: found.language, timestamps };
      }
      if (mode === undefined) throw new RangeError('a window without a language');

      const context = work.context(mode, window, windows.voice(window));
      const prompt = work.prompt.tokens;
      let result: DecodeResult | undefined;
      if (lengthOf(window) < WINDOW_FRAMES) {
        const first = yield* decodeOnce(context, encoded, prompt, thresholds.temperatures[0] ?? 0, signal);
        const { language } = mode;
        const isRight = (one: DecodeResult): boolean => isPlausible(one, window.frames, language);
        result = isRight(first)
          ? await decodeAgainIfDoubtful(first, context, encoded, prompt, thresholds, signal)
          : first;
        stopwatch.add('decode', result.seconds);
        if (!isRight(result)) {
          disposeWindow(encoded);
          encoded = undefined; // so that a failure does not free it twice
          encoded = await work.encode(window, WINDOW_FRAMES, 'zero', signal);
          result = undefined;
        }
      }
      if (result === undefined) {
        result = yield* decodeWithFallback(context, encoded, prompt, thresholds, signal);
        stopwatch.add('decode', result.seconds);
      }

      const { segments, frames } = await work.addWindow({ window, encoded, result }, mode, signal);
      disposeWindow(encoded);
      encoded = undefined;
      for (const segment of segments) yield { type: 'segment', segment };
      seek = languages?.next(seek + frames) ?? seek + frames;
      windows.advance(seek);
      yield { type: 'progress', seconds: Math.min(seek / FRAMES_PER_SECOND, windows.secondsRead) };
    }
    work.language = languages?.main ?? work.language;
  } finally {
    if (encoded !== undefined) disposeWindow(encoded);
  }
}

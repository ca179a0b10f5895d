/**
 * Long form, one window after the other: each begins where the last timestamp of the one before it says that the speech
 * was cut, and is given the text before it as its prompt.
 */
import { FRAMES_PER_SECOND } from '#daemon/audio/mel.js';
import type { TranscribeEvent } from '#daemon/protocol/transcription.js';

import { type Window, WINDOW_FRAMES } from './audio.js';
import { throwIfCancelled } from './cancel.js';
import type { DecodeResult } from './decode.js';
import { disposeWindow, type EncodedWindow } from './encode.js';
import { decodeOnce, decodeWithFallback } from './fallback.js';
import { LanguageTrack } from './language-track.js';
import { detectOverWindows } from './language-windows.js';
import { isPlausible, shortWindowFrames } from './short-window.js';
import type { Manner, Transcription } from './transcription.js';

export async function* readInTurn(
  work: Transcription,
  signal: AbortSignal,
): AsyncGenerator<TranscribeEvent, void> {
  const { clock, windows, settings } = work;
  const { thresholds } = settings;
  const languages = settings.multilingual ? new LanguageTrack(work) : undefined;
  let manner: Manner | undefined;
  let encoded: EncodedWindow | undefined;
  let seek = 0; // in frames
  try {
    for (;;) {
      throwIfCancelled(signal);
      const heard = await clock.time('mel', () => windows.next(seek, signal));
      if (heard === undefined) break;
      const timestamps =
        manner?.timestamps ?? (settings.timestamps === 'auto' ? !windows.fitInOne : settings.timestamps);
      const short = settings.timestamps === 'auto' && !timestamps;
      const lengthOf = (part: Window): number => (short ? shortWindowFrames(part.frames) : WINDOW_FRAMES);
      const encode = (part: Window): Promise<EncodedWindow> => {
        const length = lengthOf(part);
        return work.encode(part, length, length < WINDOW_FRAMES ? 'silence' : 'zero', signal);
      };
      let window = heard;
      let found: { readonly language: string; readonly probability: number } | undefined;
      if (languages !== undefined) {
        const planned = await languages.plan(heard, encode, signal);
        ({ window, encoded } = planned);
        if (planned.language !== manner?.language) found = planned;
        if (manner !== undefined && found !== undefined) work.prompt.forget(); // it would lead in another language
      } else {
        const encoding = encode(window);
        windows.readAhead(window.start + 2 * WINDOW_FRAMES, signal); // while the encoder works
        encoded = await encoding;
        if (work.language !== undefined)
          found = manner ? undefined : { language: work.language, probability: 1 };
        else found = await detectOverWindows(work, window, encoded, settings.languageWindows, signal);
      }
      throwIfCancelled(signal);
      seek = window.start;
      if (found !== undefined) {
        work.language ??= found.language;
        yield { type: 'language', language: found.language, probability: found.probability };
        manner = { language: found.language, timestamps };
      }
      if (manner === undefined) throw new RangeError('a window in no language');

      const context = work.context(manner, window, windows.voice(window));
      const prompt = work.prompt.tokens;
      let result: DecodeResult | undefined;
      if (lengthOf(window) < WINDOW_FRAMES) {
        result = yield* decodeOnce(context, encoded, prompt, thresholds.temperatures[0] ?? 0, signal);
        clock.add('decode', result.seconds);
        if (!isPlausible(result, window.frames, manner.language)) {
          disposeWindow(encoded);
          encoded = undefined; // or a failure of what follows would free it again
          encoded = await work.encode(window, WINDOW_FRAMES, 'zero', signal);
          result = undefined;
        }
      }
      if (result === undefined) {
        result = yield* decodeWithFallback(context, encoded, prompt, thresholds, signal);
        clock.add('decode', result.seconds);
      }

      const { segments, frames } = await work.take({ window, encoded, result }, manner, signal);
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

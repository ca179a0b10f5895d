/**
 * Long form, one window after the other: each begins where the last timestamp of the one before it says that the speech
 * was cut, and is given the text before it as its prompt.
 */
import { FRAMES_PER_SECOND } from '#daemon/audio/mel.js';
import type { TranscribeEvent } from '#daemon/protocol/transcription.js';

import { WINDOW_FRAMES } from './audio.js';
import { throwIfCancelled } from './cancel.js';
import type { DecodeResult } from './decode.js';
import { disposeWindow, type EncodedWindow } from './encode.js';
import { decodeOnce, decodeWithFallback } from './fallback.js';
import { isPlausible, shortWindowFrames } from './short-window.js';
import type { Manner, Transcription } from './transcription.js';

export async function* readInTurn(
  work: Transcription,
  signal: AbortSignal,
): AsyncGenerator<TranscribeEvent, void> {
  const { clock, windows, settings } = work;
  const { thresholds } = settings;
  let manner: Manner | undefined;
  let encoded: EncodedWindow | undefined;
  let seek = 0; // in frames
  try {
    for (;;) {
      throwIfCancelled(signal);
      const window = await clock.time('mel', () => windows.next(seek, signal));
      if (window === undefined) break;
      seek = window.start;
      const timestamps =
        manner?.timestamps ?? (settings.timestamps === 'auto' ? !windows.fitInOne : settings.timestamps);
      const short = settings.timestamps === 'auto' && !timestamps;
      const length = short ? shortWindowFrames(window.frames) : WINDOW_FRAMES;
      const encoding = work.encode(
        window,
        length,
        short && length < WINDOW_FRAMES ? 'silence' : 'zero',
        signal,
      );
      windows.readAhead(seek + 2 * WINDOW_FRAMES, signal); // while the encoder works
      encoded = await encoding;
      throwIfCancelled(signal);
      if (manner === undefined) {
        const found =
          work.language === undefined
            ? await work.detect(encoded)
            : { language: work.language, probability: 1 };
        work.language = found.language;
        yield { type: 'language', language: found.language, probability: found.probability };
        manner = { language: found.language, timestamps };
      }

      const context = work.context(manner, window);
      const prompt = work.prompt.tokens;
      let result: DecodeResult | undefined;
      if (length < WINDOW_FRAMES) {
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
      seek += frames;
      windows.advance(seek);
      yield { type: 'progress', seconds: Math.min(seek / FRAMES_PER_SECOND, windows.secondsRead) };
    }
  } finally {
    if (encoded !== undefined) disposeWindow(encoded);
  }
}

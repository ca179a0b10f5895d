import type { TranscribeEvent, TranscribeResult } from '#daemon/protocol/transcription.js';

import type { AudioStream } from '../speech-model.js';
import { readInTurn } from './sequential.js';
import { settingsOf, type WhisperOptions } from './settings.js';
import { Transcription, type WhisperParts } from './transcription.js';

/**
 * Yields the language, then for each window its text as it is decoded, its segments and the progress.
 *
 * @throws SottoError CANCELLED within one decoding step of `signal`; INVALID_ARGUMENT for an unknown language;
 *   ENGINE_CRASHED if the encoder gives nothing but zeros or NaN, which is how an exhausted GPU shows.
 */
export async function* transcribe(
  parts: WhisperParts,
  audio: AudioStream,
  options: WhisperOptions,
  signal: AbortSignal,
): AsyncGenerator<TranscribeEvent, TranscribeResult> {
  const work = new Transcription(parts, settingsOf(options, parts), audio);
  try {
    let done = 0;
    for await (const event of readInTurn(work, signal)) {
      if (event.type === 'progress') done = event.seconds;
      yield event;
    }
    // Nobody speaks in what is left.
    const { secondsRead } = work.windows;
    if (done < secondsRead) yield { type: 'progress', seconds: secondsRead };
    return work.result();
  } finally {
    await work.dispose();
  }
}

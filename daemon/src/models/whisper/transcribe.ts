import type { TranscribeOptions } from '#daemon/protocol/transcription.js';
import { SpeechTrack } from '#daemon/audio/vad/index.js';

import type { AudioStream } from '../speech-model.js';
import { AudioWindows } from './encode/audio-windows.js';
import { BATCHED_SPEECH, decodeBatched } from './packing/decode-batched.js';
import { PackedWindows } from './packing/packed-windows.js';
import { decodeSequential } from './decode-sequential.js';
import { type WhisperSettings, resolveSettings } from './whisper-settings.js';
import { Transcription, type WhisperDeps } from './whisper-transcription.js';
import type { WhisperEvent, WhisperResult } from './whisper-options.js';

/**
 * Yields the language, then for each window its growing text, its segments and the progress.
 *
 * @throws SottoError CANCELLED within one decoding step of `signal`; INVALID_ARGUMENT for an unknown language;
 *   ENGINE_CRASHED if the encoder returns only zeros or NaN, the symptom of an exhausted GPU.
 */
export async function* transcribe(
  deps: WhisperDeps,
  audio: AudioStream,
  options: TranscribeOptions,
  signal: AbortSignal,
): AsyncGenerator<WhisperEvent, WhisperResult> {
  const settings = resolveSettings(options, deps);
  const { work, events } = startTranscription(deps, settings, audio, signal);
  try {
    let done = 0;
    for await (const event of events) {
      if (event.type === 'progress') done = event.seconds;
      yield event;
    }
    // The rest has no speech.
    const { secondsRead } = work.windows;
    if (done < secondsRead) yield { type: 'progress', seconds: secondsRead };
    return work.result();
  } finally {
    await work.dispose();
  }
}

/** Sequential or batched decoding. */
function startTranscription(
  deps: WhisperDeps,
  settings: WhisperSettings,
  { samples }: AudioStream,
  signal: AbortSignal,
) {
  const { mel, voice } = deps;
  const { speech } = settings;
  if (settings.batchSize > 1) {
    const track = speech && new SpeechTrack(voice.stream(), { ...BATCHED_SPEECH, ...speech });
    const work = new Transcription(deps, settings, new PackedWindows(samples, mel, track));
    return { work, events: decodeBatched(work, signal) };
  }
  const track = speech && new SpeechTrack(voice.stream(), speech);
  const work = new Transcription(deps, settings, new AudioWindows(samples, mel, track));
  return { work, events: decodeSequential(work, signal) };
}

/** The first run of a model, which compiles kernels and fills caches; its output is discarded. */
import { Readable } from 'node:stream';
import {
  asRecognizer,
  type Recognizer,
  type SpeechModel,
  type WarmUpResult,
} from '#daemon/models/speech-model.js';

/** Ends early, without an error, when `signal` is aborted. @throws what the model throws */
export async function warmUp(
  model: SpeechModel,
  signal: AbortSignal,
  onProgress: (fraction: number) => void,
): Promise<WarmUpResult> {
  if (signal.aborted) return {};
  try {
    if (model.warmUp !== undefined) return await model.warmUp(signal, onProgress);
    if (model.capabilities.transcribe !== undefined) await transcribeSilence(asRecognizer(model), signal);
  } catch (error) {
    if (!signal.aborted) throw error;
  }
  return {};
}

/** For models that don't define a warm-up. */
async function transcribeSilence(model: Recognizer, signal: AbortSignal): Promise<void> {
  const samples = Readable.from([new Float32Array(16_000)]) as AsyncIterable<Float32Array>;
  const events = model.transcribe({ durationSeconds: 1, samples }, { temperature: [0] }, signal);
  while ((await events.next()).done !== true);
}

/** Decodes a whole session again at its end, within a time that a waiting user accepts. */
import type { Recognizer } from '#daemon/models/speech-model.js';
import type { LiveSpeech } from '#daemon/models/streaming/live-speech.js';
import type { Refined } from '#daemon/protocol/ipc.js';
import { SAMPLE_RATE, type LiveOptions } from '#daemon/protocol/live.js';
import type { Segment, TranscribeResult, Word } from '#daemon/protocol/transcription.js';
import type { ComputeScheduler } from '../compute-scheduler.js';
import type { LiveAudioBuffer } from './live-audio-buffer.js';
import { defined } from '#daemon/protocol/defined.js';

/** Time budget: a fraction of the session's length, within these limits. */
const REFINE_BUDGET_FRACTION = 0.1;
const MIN_REFINE_SECONDS = 2;
const MAX_REFINE_SECONDS = 5;

interface RefineDeps {
  readonly model: Recognizer;
  readonly options: LiveOptions;
  readonly speech: LiveSpeech;
  readonly buffer: LiveAudioBuffer;
  readonly scheduler: ComputeScheduler;
}

/**
 * @returns undefined if the committed text stays: the session is too long, time ran out, it failed, or the result
 *   is no better
 */
export async function refine(
  { model, options, speech, buffer, scheduler }: RefineDeps,
  signal: AbortSignal,
): Promise<Refined | undefined> {
  const samples = buffer.all();
  if (samples === undefined || !speech.hasText) return undefined;
  const seconds = samples.length / SAMPLE_RATE;
  const budget = Math.min(MAX_REFINE_SECONDS, Math.max(MIN_REFINE_SECONDS, REFINE_BUDGET_FRACTION * seconds));
  const deadline = new AbortController();
  const stop = (): void => deadline.abort();
  const timer = setTimeout(stop, 1000 * budget);
  signal.addEventListener('abort', stop);
  if (signal.aborted) stop();
  let result: TranscribeResult;
  try {
    result =
      // The last window is usually still encoded, and then nothing has to be encoded again.
      (await scheduler.runRealtime(() => speech.refine?.(deadline.signal) ?? Promise.resolve(undefined))) ??
      (await scheduler.runBatch(() =>
        lastOf(transcribeAll(model, samples, options, deadline.signal), scheduler),
      ));
  } catch {
    // Out of time or failed: the committed text is safe already.
    return undefined;
  } finally {
    clearTimeout(timer);
    signal.removeEventListener('abort', stop);
  }
  if (!speech.prefers(result)) return undefined;
  const words = result.segments.flatMap(wordsOf);
  return { text: result.text.trim(), words, language: result.language };
}

/** Of a family without word times a segment is one word. */
function wordsOf({ words, start, end, text, confidence = 1 }: Segment): readonly Word[] {
  return words ?? [{ start, end, word: text, probability: confidence }];
}

function transcribeAll(
  model: Recognizer,
  samples: Float32Array,
  { language, initialPrompt, hotwords }: LiveOptions,
  signal: AbortSignal,
): ReturnType<Recognizer['transcribe']> {
  const audio = {
    durationSeconds: samples.length / SAMPLE_RATE,
    samples: (async function* () {
      await Promise.resolve();
      yield samples;
    })(),
  };
  const can = model.capabilities.transcribe;
  const options = {
    wordTimestamps: can?.wordTimestamps ?? false,
    ...defined({ language, initialPrompt, hotwords }),
  };
  return model.transcribe(audio, options, signal);
}

/** Other sessions decode between its steps. */
async function lastOf(
  events: ReturnType<Recognizer['transcribe']>,
  scheduler: ComputeScheduler,
): Promise<TranscribeResult> {
  for (;;) {
    const step = await scheduler.runRealtime(() => events.next());
    if (step.done === true) return step.value;
  }
}

/** The decode of a whole take at its end, within a time that somebody who waits for the text does not mind. */
import type { SpeechModel } from '#daemon/models/speech-model.js';
import type { LiveSpeech } from '#daemon/models/streaming/live-speech.js';
import { refinedIsBetter } from '#daemon/models/streaming/refine.js';
import type { Refined } from '#daemon/protocol/ipc.js';
import { SAMPLE_RATE, type LiveOptions } from '#daemon/protocol/live.js';
import type { TranscribeResult } from '#daemon/protocol/transcription.js';
import type { Take } from './take.js';

/** What it may take: a part of what the speaking took, and never less or more than this. */
const PART_OF_TAKE = 0.1;
const LEAST_SECONDS = 1;
const MOST_SECONDS = 5;

export interface RefineParts {
  readonly model: SpeechModel;
  readonly options: LiveOptions;
  readonly speech: LiveSpeech;
  readonly take: Take;
}

/** @returns undefined where the committed text stays: the take is too long, time ran out, or this is no better */
export async function refine(
  { model, options, speech, take }: RefineParts,
  signal: AbortSignal,
): Promise<Refined | undefined> {
  const samples = take.all();
  if (samples === undefined || speech.meanLogprob === undefined) return undefined;
  const seconds = samples.length / SAMPLE_RATE;
  const budget = Math.min(MOST_SECONDS, Math.max(LEAST_SECONDS, PART_OF_TAKE * seconds));
  const enough = AbortSignal.any([signal, AbortSignal.timeout(1000 * budget)]);
  let result: TranscribeResult;
  try {
    result = await transcribed(model, samples, options, enough);
  } catch (error) {
    // Out of time: the text that is there is the text. A cancelled session hears nothing anyway.
    if (enough.aborted) return undefined;
    throw error;
  }
  if (!refinedIsBetter(result, speech.meanLogprob)) return undefined;
  const words = result.segments.flatMap((segment) => segment.words ?? []);
  return { text: result.text.trim(), words, language: result.language };
}

async function transcribed(
  model: SpeechModel,
  samples: Float32Array,
  { language, initialPrompt }: LiveOptions,
  signal: AbortSignal,
): Promise<TranscribeResult> {
  const audio = {
    durationSeconds: samples.length / SAMPLE_RATE,
    samples: (async function* () {
      await Promise.resolve();
      yield samples;
    })(),
  };
  const options = {
    timestamps: 'auto' as const,
    wordTimestamps: true,
    ...(language !== undefined && { language }),
    ...(initialPrompt !== undefined && { initialPrompt }),
  };
  const events = model.transcribe(audio, options, signal);
  for (;;) {
    const step = await events.next();
    if (step.done === true) return step.value;
  }
}

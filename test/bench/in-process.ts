/** Our model in this very process: no daemon, no engine process, no files unless asked. */
import { existsSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { openAudio } from '#daemon/audio/decode-file.js';
import { loadModel } from '#daemon/models/registry.js';
import type { AudioStream, SpeechModel } from '#daemon/models/speech-model.js';
import type { TranscribeEvent, TranscribeOptions, TranscribeResult } from '#daemon/protocol/transcription.js';

export { samplesOf, starterModel, streamOf } from '#test/harness/sample-speech.js';

/** What every peer does in a comparison: greedy, one temperature, no text carried over, timestamps on, no detection of speech. */
export const PLAIN: TranscribeOptions = {
  temperature: [0],
  timestamps: true,
  conditionOnPreviousText: false,
  vad: false,
};

/** The float16 folder that `../shared/tools/get-weights OUT base` makes, where `$SOTTO_BASE` names it. */
export function float16Model(): string | undefined {
  const dir = process.env.SOTTO_BASE;
  return dir !== undefined && existsSync(join(dir, 'weights.safetensors')) ? resolve(dir) : undefined;
}

export function load(dir: string): Promise<SpeechModel> {
  if (!existsSync(join(dir, 'config.json'))) throw new Error(`no model folder at ${dir}`);
  return loadModel(dir);
}

export interface Run {
  readonly result: TranscribeResult;
  /** Wall time of the whole call. */
  readonly seconds: number;
}

/** Runs a transcription to its end; `onEvent` sees what a client would. */
export async function transcribe(
  model: SpeechModel,
  audio: AudioStream,
  options: TranscribeOptions,
  onEvent?: (event: TranscribeEvent) => void,
): Promise<Run> {
  const begin = performance.now();
  const events = model.transcribe(audio, options, new AbortController().signal);
  for (;;) {
    const { done, value } = await events.next();
    if (done === true) return { result: value, seconds: (performance.now() - begin) / 1000 };
    onEvent?.(value);
  }
}

export async function transcribeFile(
  model: SpeechModel,
  file: string,
  options: TranscribeOptions,
): Promise<Run> {
  const begin = performance.now();
  const audio = await openAudio(file);
  try {
    const { result } = await transcribe(model, audio, options);
    return { result, seconds: (performance.now() - begin) / 1000 };
  } finally {
    await audio.close();
  }
}

export function tokenCount(result: TranscribeResult): number {
  return result.segments.reduce((total, segment) => total + segment.tokens.length, 0);
}

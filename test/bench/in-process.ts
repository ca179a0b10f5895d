/** Runs a model in this process, without a daemon or engine process. */
import { existsSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { openAudio } from '#daemon/audio/decode-file.js';
import { loadRecognizer } from '#daemon/models/registry.js';
import type { AudioStream, Recognizer } from '#daemon/models/speech-model.js';
import type { TranscribeEvent, TranscribeOptions, TranscribeResult } from '#daemon/protocol/transcription.js';

export { samplesOf, starterModel, streamOf } from '#test/harness/sample-speech.js';

/** Options that match the peers: greedy, one temperature, no conditioning on previous text, timestamps, no VAD. */
export const PLAIN: TranscribeOptions = {
  temperature: [0],
  timestamps: true,
  whisper: { conditionOnPreviousText: false },
  vad: false,
};

/** `PLAIN`, as far as the family of the model has the options. */
export function plainOptions({ family }: Recognizer): TranscribeOptions {
  const { whisper, ...common } = PLAIN;
  return family === 'whisper' && whisper !== undefined ? { ...common, whisper } : common;
}

/** `$SOTTO_BASE`, the float16 model directory from `../shared/tools/get-weights OUT base`, if it exists. */
export function float16Model(): string | undefined {
  const dir = process.env.SOTTO_BASE;
  return dir !== undefined && existsSync(join(dir, 'weights.safetensors')) ? resolve(dir) : undefined;
}

export function load(dir: string): Promise<Recognizer> {
  if (!existsSync(join(dir, 'config.json'))) throw new Error(`no model directory at ${dir}`);
  return loadRecognizer(dir);
}

export interface Run {
  readonly result: TranscribeResult;
  /** Wall time of the call. */
  readonly seconds: number;
}

/** Runs a transcription to its end; `onEvent` gets the events that a client would. */
export async function transcribe(
  model: Recognizer,
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
  model: Recognizer,
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
  return result.segments.reduce((total, { tokens = [] }) => total + tokens.length, 0);
}

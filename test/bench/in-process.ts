/** Our model in this very process: no daemon, no engine process, no files unless asked. */
import { existsSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { openAudio } from '#daemon/audio/decode-file.js';
import { loadModel } from '#daemon/models/registry.js';
import type { AudioStream, SpeechModel } from '#daemon/models/speech-model.js';
import type { TranscribeEvent, TranscribeOptions, TranscribeResult } from '#daemon/protocol/transcription.js';
import { root } from './clips.js';

const SAMPLE_RATE = 16_000;

/** What every peer does in a comparison: greedy, one temperature, no text carried over, timestamps on, no detection of speech. */
export const PLAIN: TranscribeOptions = {
  temperature: [0],
  timestamps: true,
  conditionOnPreviousText: false,
  vad: false,
};

export function starterModel(): string {
  const models = join(root, 'assets/models');
  const { starter } = JSON.parse(readFileSync(join(models, 'manifest.json'), 'utf8')) as { starter: string };
  return join(models, starter);
}

/** The float16 folder that `../shared/tools/get-weights OUT base` makes, where `$SOTTO_BASE` names it. */
export function float16Model(): string | undefined {
  const dir = process.env.SOTTO_BASE;
  return dir !== undefined && existsSync(join(dir, 'weights.safetensors')) ? resolve(dir) : undefined;
}

export function load(dir: string): Promise<SpeechModel> {
  if (!existsSync(join(dir, 'config.json'))) throw new Error(`no model folder at ${dir}`);
  return loadModel(dir);
}

/** Samples at 16 kHz as a stream of one-second pieces. */
export function streamOf(samples: Float32Array): AudioStream {
  return {
    durationSeconds: samples.length / SAMPLE_RATE,
    samples: (async function* () {
      for (let i = 0; i < samples.length; i += SAMPLE_RATE) {
        yield await Promise.resolve(samples.subarray(i, i + SAMPLE_RATE));
      }
    })(),
  };
}

/** All samples of a file, 16 kHz mono. */
export async function samplesOf(file: string): Promise<Float32Array> {
  const audio = await openAudio(file);
  const pieces: Float32Array[] = [];
  try {
    for await (const piece of audio.samples) pieces.push(Float32Array.from(piece));
  } finally {
    await audio.close();
  }
  const samples = new Float32Array(pieces.reduce((total, piece) => total + piece.length, 0));
  let at = 0;
  for (const piece of pieces) {
    samples.set(piece, at);
    at += piece.length;
  }
  return samples;
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

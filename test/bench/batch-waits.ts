/**
 * How long the model waits for audio between two files, with the engine's own loop and decoders and a fake model that
 * takes as long as a GPU. Measures the time from the end of a file to the first half minute (or all) of the next one,
 * with and without prefetching.
 */
import { statSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { openAudio } from '#daemon/audio/decode-file.js';
import { systemClock } from '#daemon/clock.js';
import { EngineHost } from '#daemon/engine/engine-host.js';
import type { Recognizer } from '#daemon/models/speech-model.js';
import type { FromEngine } from '#daemon/protocol/ipc.js';
import { root } from './clips.js';
import { median, printTable } from './report.js';
import { RECOGNIZES } from '#test/harness/recognizer-capabilities.js';
import { transcribeWork } from '#test/harness/transcribe-work.js';

const ROUNDS = 12;
/** Time for a window of a small model on a GPU. */
const COMPUTE_MS = 200;
const WINDOW_SAMPLES = 30 * 16_000;

const FILES = [
  join(root, 'assets/speech/sonnet1.mp3'),
  join(root, 'assets/speech/austen-0870.flac'),
  join(root, 'test/fixtures/audio/stereo-44k.m4a'),
  join(root, 'test/fixtures/audio/stereo.opus'),
];

export interface Waits {
  readonly alone: number;
  readonly prefetch: number;
}

/** Median waits in milliseconds. */
export async function waits(): Promise<Waits> {
  const alone: number[] = [];
  const prefetch: number[] = [];
  await round(false);
  for (let n = 0; n < ROUNDS; n++) {
    alone.push(...(await round(false)));
    prefetch.push(...(await round(true)));
  }
  const result = { alone: median(alone), prefetch: median(prefetch) };
  printTable(
    ['the model waits for the next file, ms', 'median'],
    [
      ['opened on demand', result.alone.toFixed(1)],
      ['prefetched', result.prefetch.toFixed(1)],
    ],
  );
  return result;
}

/** Runs all files in sequence. @returns the waits between them */
async function round(prefetch: boolean): Promise<number[]> {
  const waited: number[] = [];
  let overMs: number | undefined;
  const model: Recognizer = {
    name: 'elsewhere',
    family: 'elsewhere',
    capabilities: RECOGNIZES,
    weightBytes: 0,
    async *transcribe(audio) {
      let samples = 0;
      for await (const chunk of audio.samples) if ((samples += chunk.length) >= WINDOW_SAMPLES) break;
      if (overMs !== undefined) waited.push(performance.now() - overMs);
      yield { type: 'progress', seconds: samples / 16_000 };
      await sleep(COMPUTE_MS);
      overMs = performance.now();
      const timings = { mel: 0, encode: 0, decode: 0, total: 0 };
      return { text: '', language: 'en', durationSeconds: 0, segments: [], timings };
    },
    dispose: () => undefined,
  };
  let over: (message: FromEngine) => void = () => undefined;
  const host = new EngineHost({
    loadModel: () => Promise.resolve(model),
    footprint: () => Promise.resolve({ weightBytes: 0, workBytes: 0 }),
    clock: systemClock,
    openAudio: (path) => openAudio(path),
    fingerprintOf: (path) => String(statSync(path).mtimeMs),
    figures: () => ({ rssBytes: 0 }),
    steps: () => 0,
    clearCache: () => undefined,
    send: (message) => over(message),
    exit: () => undefined,
  });
  for (const [job, path] of FILES.entries()) {
    const done = new Promise<void>((resolve, reject) => {
      over = (message) => {
        if (message.type === 'done') resolve();
        if (message.type === 'failed') reject(new Error(message.error.message));
      };
    });
    host.receive({ type: 'run', job, path, model: { name: 'm', dir: '/m' }, work: transcribeWork() });
    const next = FILES[job + 1];
    if (prefetch && next !== undefined) host.receive({ type: 'prefetch', path: next });
    await done;
  }
  return waited;
}

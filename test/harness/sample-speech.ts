/** Sample speech and the included model, for tests and benchmarks. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { openAudio } from '#daemon/audio/decode-file.js';
import type { AudioStream } from '#daemon/models/speech-model.js';
import { packageRoot } from '#daemon/paths.js';

const SAMPLE_RATE = 16_000;

export function starterModel(): string {
  const models = join(packageRoot, 'assets/models');
  const { starter } = JSON.parse(readFileSync(join(models, 'manifest.json'), 'utf8')) as { starter: string };
  return join(models, starter);
}

/** All samples of a file, 16 kHz mono. */
export async function samplesOf(path: string): Promise<Float32Array> {
  const audio = await openAudio(path);
  const pieces: Float32Array[] = [];
  try {
    for await (const piece of audio.samples) pieces.push(piece.slice());
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

/** Samples at 16 kHz as a stream of chunks, of a second by default. */
export function streamOf(samples: Float32Array, pieceSamples = SAMPLE_RATE): AudioStream {
  async function* pieces(): AsyncGenerator<Float32Array> {
    for (let i = 0; i < samples.length; i += pieceSamples) {
      yield await Promise.resolve(samples.subarray(i, i + pieceSamples));
    }
  }
  return { durationSeconds: samples.length / SAMPLE_RATE, samples: pieces() };
}

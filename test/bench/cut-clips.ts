/** Cuts files of mixed length from real speech. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { pcm16, wav } from '#test/audio/fixtures.js';
import { LONG_FORM, pickClips, TWELVE } from './clips.js';
import { samplesOf } from './in-process.js';

const SAMPLE_RATE = 16_000;

/** Writes 16-bit mono WAV files of these lengths in seconds, in order. */
export async function cutClips(folder: string, lengths: readonly number[]): Promise<string[]> {
  const source = await samplesOf((pickClips([LONG_FORM])[0] ?? pickClips(TWELVE)[0])?.file ?? '');
  let at = 0;
  return lengths.map((seconds, i) => {
    const samples = Float32Array.from(
      { length: Math.round(seconds * SAMPLE_RATE) },
      (_, k) => source[(at + k) % source.length] ?? 0,
    );
    at += samples.length;
    const path = join(folder, `${String(i).padStart(2, '0')}-${seconds}s.wav`);
    writeFileSync(path, wav(pcm16(samples), { sampleRate: SAMPLE_RATE }));
    return path;
  });
}

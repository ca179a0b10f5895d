/** Writes the ramp as an audio file. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { ramp, SECOND } from './ramp.js';
import { wavHead } from './wav-head.js';

/** A WAV of the first samples; its header may claim more. */
export function rampFile(folder: string, samples: number, claimed = samples): string {
  const path = join(folder, 'ramp.wav');
  writeFileSync(path, Buffer.concat([wavHead(claimed, SECOND), new Uint8Array(ramp(0, samples).buffer)]));
  return path;
}

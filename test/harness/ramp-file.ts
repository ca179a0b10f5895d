/** The ramp as a file of audio. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { ramp, SECOND } from './ramp.js';

/** A WAV of the first samples of the ramp; its header may claim more. */
export function rampFile(folder: string, samples: number, claimed = samples): string {
  const path = join(folder, 'ramp.wav');
  const head = Buffer.alloc(44);
  head.write('RIFF', 0);
  head.writeUInt32LE(36 + 2 * claimed, 4);
  head.write('WAVEfmt ', 8);
  head.writeUInt32LE(16, 16);
  head.writeUInt16LE(1, 20);
  head.writeUInt16LE(1, 22);
  head.writeUInt32LE(SECOND, 24);
  head.writeUInt32LE(2 * SECOND, 28);
  head.writeUInt16LE(2, 32);
  head.writeUInt16LE(16, 34);
  head.write('data', 36);
  head.writeUInt32LE(2 * claimed, 40);
  writeFileSync(path, Buffer.concat([head, new Uint8Array(ramp(0, samples).buffer)]));
  return path;
}

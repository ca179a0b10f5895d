import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from '@jest/globals';
import { decodeAll } from './fixtures.js';

const FOLDER = '/work/shared/speech';
const manifest = join(FOLDER, 'manifest.jsonl');
const clips = existsSync(manifest)
  ? readFileSync(manifest, 'utf8')
      .split('\n')
      .filter((line) => line !== '')
      .map((line) => JSON.parse(line) as { file: string; seconds: number })
      .filter(({ file }) => existsSync(join(FOLDER, file)))
  : [];

describe('the open speech clips', () => {
  if (clips.length === 0) {
    console.log(`skipped: ${manifest} is not on this machine`);
    test.skip('are decoded to the length that their manifest gives', () => undefined);
    return;
  }
  test.each(clips)('$file has the length that its manifest gives', async ({ file, seconds }) => {
    const { samples, error, durationSeconds } = await decodeAll(join(FOLDER, file));
    expect(error).toBeUndefined();
    expect(Math.abs(samples.length / 16000 - seconds)).toBeLessThan(0.1);
    expect(Math.abs((durationSeconds ?? 0) - seconds)).toBeLessThan(0.1);
  });
});

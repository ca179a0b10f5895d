import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from '@jest/globals';
import { packageRoot } from '#daemon/paths.js';
import { skippedTest } from '#test/harness/skipping.js';
import { decodeAll } from './fixtures.js';

const FOLDER = process.env.SOTTO_SPEECH ?? join(packageRoot, '../shared/speech');
const manifest = join(FOLDER, 'manifest.jsonl');
const listed = existsSync(manifest)
  ? readFileSync(manifest, 'utf8')
      .split('\n')
      .filter((line) => line !== '')
      .map((line) => JSON.parse(line) as { file: string; seconds: number })
  : [];
const [available, missing] = [true, false].map((exists) =>
  listed.filter(({ file }) => existsSync(join(FOLDER, file)) === exists),
) as [typeof listed, typeof listed];

describe('the open speech clips', () => {
  for (const { file } of missing) skippedTest(`${file} has its length`, `no ../shared/speech: ${file}`);
  if (available.length === 0) return skippedTest('have the lengths in the manifest', 'no ../shared/speech');

  test.each(available)('$file has the length in the manifest', async ({ file, seconds }) => {
    const { samples, error, durationSeconds } = await decodeAll(join(FOLDER, file));
    expect(error).toBeUndefined();
    expect(Math.abs(samples.length / 16000 - seconds)).toBeLessThan(0.1);
    expect(Math.abs((durationSeconds ?? 0) - seconds)).toBeLessThan(0.1);
  });
});

/** Queue libraries are large, so only queue commands load them. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { writeFakeAudio } from '#test/harness/fake-audio.js';
import { withHome } from '#test/harness/with-home.js';
import { sotto } from '#test/harness/run-sotto.js';

const home = withHome();
let folder: string;
let spy: string;

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'spy-'));
  spy = join(folder, 'spy.mjs');
  // Both are CommonJS and appear in its cache.
  writeFileSync(
    spy,
    `import { createRequire } from 'node:module';
     const { cache } = createRequire(import.meta.url);
     process.on('exit', () => {
       const loaded = Object.keys(cache).map((path) => /node_modules.(bullmq|ioredis)/.exec(path)?.[1]);
       process.stderr.write('loaded: ' + [...new Set(loaded.filter(Boolean))].sort().join(' ') + '.');
     });`,
  );
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const loadedBy = async (...args: string[]): Promise<string> => {
  const { stderr } = await sotto(args, { home: home.folder, env: { NODE_OPTIONS: `--import ${spy}` } });
  return /loaded: (.*)\.$/.exec(stderr)?.[1] ?? stderr;
};

test('only queue commands load the queue libraries', async () => {
  const file = writeFakeAudio(join(home.folder, 'a.wav'));
  expect(await loadedBy('--help')).toBe('');
  expect(await loadedBy('worker', '--help')).toBe('');
  expect(await loadedBy('transcribe', file, '--no-daemon')).toBe('');
  expect(await loadedBy('worker', '--queue', 'http://nothing')).toBe('');
  // Proves that this test detects loading.
  expect(await loadedBy('queue', 'status', '--queue', `unix:${folder}/none`)).toBe('ioredis');
});

import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from '@jest/globals';
import { killBatchRuns } from '#test/harness/kill-batch-runs.js';
import { scriptedTexts, writeFakeAudio } from '#test/harness/fake-audio.js';
import { stopAll } from '#test/harness/stop-all.js';
import { tempHome } from '#test/harness/temp-home.js';

const FILES = 60;

// The full one is `npm run bench -- batch`: a thousand files and a real model.
test('sixty files through kills of command, daemon and engine: each ends once, complete, and nothing else is left', async () => {
  const home = tempHome();
  const folder = join(home.folder, 'in');
  mkdirSync(join(folder, 'deep'), { recursive: true });
  for (let n = 0; n < FILES; n++) {
    const path = join(folder, n % 3 === 0 ? 'deep' : '.', `${String(n).padStart(2, '0')}.wav`);
    if (n % 20 === 7) writeFileSync(path, 'no sound');
    else if (n % 20 === 13) writeFakeAudio(path, { segments: 5, delayMs: 10, failAfter: 3 });
    else writeFakeAudio(path, { segments: 2 + (n % 5), delayMs: 20 });
  }
  try {
    const { kills, code, summary, twice, strays } = await killBatchRuns({
      home,
      cwd: home.folder,
      args: ['in', '--recursive', '--output', 'out'],
      output: join(home.folder, 'out'),
      texts: FILES - 6,
      everyMs: 1_000,
      maxKills: 3,
    });
    expect([code, twice, strays]).toEqual([1, [], []]);
    expect(Math.min(...Object.values(kills))).toBeGreaterThan(0);
    expect(summary).toMatchObject({ files: FILES, done: FILES - 6, failed: 6, left: 0 });
    const codes = summary.results.flatMap(({ code: one }) => (one === undefined ? [] : [one])).sort();
    expect(codes).toEqual([
      ...['AUDIO_TRUNCATED', 'AUDIO_TRUNCATED', 'AUDIO_TRUNCATED'],
      ...['AUDIO_UNSUPPORTED', 'AUDIO_UNSUPPORTED', 'AUDIO_UNSUPPORTED'],
    ]);
    const written = readdirSync(join(home.folder, 'out'), { recursive: true, encoding: 'utf8' });
    expect(written.filter((name) => name.endsWith('.txt'))).toHaveLength(FILES - 6);
    for (const { state, output = '', file } of summary.results) {
      if (state !== 'done') continue;
      const segments = 2 + (Number(file.slice(-6, -4)) % 5);
      const lines = scriptedTexts(segments).map((text) => `${text.trim()}\n`);
      expect(readFileSync(output, 'utf8')).toBe(lines.join(''));
    }
  } finally {
    await stopAll(home.paths);
    home.remove();
  }
});

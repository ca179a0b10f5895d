/** `sotto models recommend`, for machines that SOTTO_MACHINE names. */
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { main } from '#daemon/cli/main.js';
import { captureOutput } from '#test/harness/capture-output.js';
import { tempHome, type TempHome } from '#test/harness/temp-home.js';

const written = captureOutput();
const before = { ...process.env };
let home: TempHome;
beforeEach(() => {
  home = tempHome();
  process.env.SOTTO_HOME = home.folder;
});
afterEach(() => {
  process.env = { ...before };
  home.remove();
});

const run = (machine: string, ...args: string[]): Promise<number> => {
  process.env.SOTTO_MACHINE = machine;
  return main(['models', 'recommend', ...args]);
};
const answer = async (machine: string, ...args: string[]): Promise<unknown> => {
  await run(machine, ...args, '--json');
  return JSON.parse(written.stdout);
};

test('says why, and how to get it', async () => {
  expect(await run('18GB,M3 Pro')).toBe(0);
  expect(written.stdout).toBe(`model        whisper-large-v3-turbo
for          any language on this machine (M3 Pro, 18 GB)
words wrong  7.8%, published (Open ASR Leaderboard, English), not measured here
download     1.61 GB
memory       about 2.16 GB while transcribing
license      MIT

Use it: \`sotto models pull large-v3-turbo && sotto models use large-v3-turbo\`
Better for English: parakeet-tdt-0.6b-v2 (6.05%, Open ASR Leaderboard, English). See \`sotto models recommend --language en\`
Better for German, Spanish, Russian and 14 more: parakeet-tdt-0.6b-v3 (6.3%, Open ASR Leaderboard, English). See \`sotto models recommend --language de\`
`);
});

test.each([
  ['16GB,M1', [], 'whisper-small', undefined],
  ['16GB,M1', ['--language', 'en'], 'parakeet-tdt-0.6b-v2', 6.05],
  ['16GB,M1', ['--language', 'de'], 'parakeet-tdt-0.6b-v3', 5.9],
  ['16GB,M1', ['--language', 'ja'], 'whisper-small', undefined],
  // Every third word is wrong, as published.
  ['18GB,M3 Pro', ['--language', 'el'], 'whisper-large-v3-turbo', 7.8],
  ['8GB,M1', ['--language', 'en'], 'whisper-small.en', 8.6],
  ['8GB,M2', ['-l', 'en'], 'whisper-large-v3-turbo-4bit', 7.8],
])('%s %j: %s', async (machine, args, name, percent) => {
  expect(await answer(machine, ...args)).toMatchObject({
    name,
    isChosen: false,
    ...(percent !== undefined && { published: { percent } }),
  });
});

test('without a GPU it is the included model, which is the default', async () => {
  expect(await answer('8GB')).toMatchObject({ wordErrorRate: 13.5, installed: { from: 'sotto' } });
  expect(await run('8GB', '--language', 'de')).toBe(0);
  expect(written.stdout).toMatch(/included/);
  expect(written.stdout).toMatch(/German/);
});

test('an installed model is only to be chosen', async () => {
  const dir = join(home.paths.models, 'whisper-small');
  mkdirSync(dir, { recursive: true });
  writeFileSync(join(dir, 'config.json'), '{}');
  expect(await run('16GB,M1')).toBe(0);
  expect(written.stdout).toMatch(/whisper-small \(installed\)/);
  expect(written.stdout).toMatch(/Use it: `sotto models use whisper-small`\n/);
});

test('a language that no model recognizes', async () => {
  expect(await run('16GB,M1', '--language', 'tlh')).toBe(3);
  expect(written.stderr).toMatch(/no model of the catalog recognizes the language tlh/);
});

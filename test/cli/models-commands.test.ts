import { spawn } from 'node:child_process';
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from '@jest/globals';
import { main } from '#daemon/cli/main.js';
import { captureOutput } from '#test/harness/capture-output.js';
import { root, starterModel } from '#test/models/model-fixtures.js';

const folder = mkdtempSync(join(tmpdir(), 'sotto-models-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const written = captureOutput();

describe('sotto models', () => {
  test.each([
    [['models', 'convert', 'a']],
    [['models', 'convert', 'a', 'b', '--bits', '7']],
    [['models', 'convert', 'a', 'b', '--group-size', '48']],
    [['models', 'convert', 'a', 'b', '--dtype', 'int8']],
    [['models', 'verify']],
    [['models', 'sing']],
  ])('wrong usage %j exits with 2', async (args) => {
    expect(await main(args)).toBe(2);
    expect(written.stderr).toMatch(/^sotto: /);
  });

  test.each([[['models', '--help']], [['models', 'convert', '--help']], [['models', 'verify', '--help']]])(
    '%j prints help with an example',
    async (args) => {
      expect(await main(args)).toBe(0);
      expect(written.stdout).toMatch(/Examples:/);
    },
  );

  test('a missing model exits with 3', async () => {
    expect(await main(['models', 'verify', './no-such-model'])).toBe(3);
    expect(written.stderr).toContain('no-such-model');
  });

  test('verify describes the included model and transcribes a clip', async () => {
    expect(await main(['models', 'verify', starterModel(), '--json'])).toBe(0);
    const { files, languages, sample, ...facts } = JSON.parse(written.stdout) as {
      files: { name: string; sha256: string }[];
      languages: string[];
      sample: { errors: number; spoken: number };
    };
    expect(facts).toMatchObject({ family: 'whisper', layout: 'mlx', notFinite: [], works: true });
    expect(files.find(({ name }) => name === 'weights.safetensors')?.sha256).toMatch(/^[0-9a-f]{64}$/);
    expect(languages).toContain('de');
    expect(sample).toMatchObject({ errors: 0, spoken: 22 });
  });

  test('Ctrl-C cancels a conversion with 130 and leaves nothing', async () => {
    const out = join(folder, 'out');
    const child = spawn(
      process.execPath,
      [join(root, 'daemon/bin/sotto.mjs'), 'models', 'convert', starterModel(), out, '--dtype', 'float32'],
      { stdio: 'ignore' },
    );
    const code = new Promise<number | null>((resolve) => child.on('exit', (status) => resolve(status)));
    const begun = setInterval(() => {
      // The draft is beside the target.
      if (readdirSync(folder).some((name) => name.startsWith('.out.new'))) {
        child.kill('SIGINT');
        clearInterval(begun);
      }
    }, 1);
    expect(await code).toBe(130);
    clearInterval(begun);
    expect(readdirSync(folder)).toEqual([]);
  });
});

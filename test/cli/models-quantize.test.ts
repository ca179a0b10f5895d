import {
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterAll, describe, expect, test } from '@jest/globals';
import { main } from '#daemon/cli/main.js';
import type { LabeledClip } from '#daemon/cli/models/labeled-clips.js';
import { outputDirFor } from '#daemon/cli/models/quantize-model.js';
import { compare, comparisonTable, figuresOf } from '#daemon/cli/models/quantize-report.js';
import { styleFor } from '#daemon/cli/terminal/style.js';
import { resolvePaths } from '#daemon/paths.js';
import { captureOutput } from '#test/harness/capture-output.js';
import { clip, starterModel } from '#test/models/model-fixtures.js';

const folder = mkdtempSync(join(tmpdir(), 'sotto-quantize-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const written = captureOutput();

/** A hundred words. */
const references: LabeledClip = {
  file: 'a.flac',
  language: 'en',
  text: Array.from({ length: 100 }, (_, i) => `w${i}`).join(' '),
};
const hearing = (name: string, wrong: number, repeat = 1) =>
  figuresOf(
    { name, weights: 'float16', bytes: 1e6 },
    {
      loadSeconds: 0.5,
      weightBytes: 1e6,
      peakBytes: 2e6,
      audioSeconds: 60,
      workSeconds: 6,
      tokens: 300,
      decodeSeconds: 3,
      transcripts: Array.from({ length: repeat }, () =>
        references.text
          .split(' ')
          .map((word, i) => (i < wrong ? 'no' : word))
          .join(' '),
      ),
    },
    Array.from({ length: repeat }, () => references),
  );

describe('the report of a quantized model', () => {
  test.each([
    [50, 51, true, 0.02],
    [50, 52, false, 0.04],
    [50, 40, true, -0.2],
    [10, 11, false, 0.1],
    [0, 0, true, null],
    [0, 1, false, null],
  ])('%i words wrong before and %i after: equivalent is %s', (before, after, isEquivalent, relative) => {
    const found = compare(hearing('a', before), hearing('b', after));
    expect(found.isEquivalent).toBe(isEquivalent);
    if (relative === null) expect(found.relative).toBeNull();
    else expect(found.relative).toBeCloseTo(relative, 10);
    expect(found.conclusion).toMatch(isEquivalent ? /^Equivalent to its source/ : /^Worse than its source/);
    expect(found.conclusion).toContain(`${after} of 100 words wrong`);
  });

  test('warns if a single word decides', () => {
    expect(compare(hearing('a', 10), hearing('b', 11)).conclusion).toContain('--clips');
    expect(compare(hearing('a', 30, 4), hearing('b', 40, 4)).conclusion).not.toContain('--clips');
  });

  test('has a row for each figure with its change', () => {
    const table = comparisonTable(compare(hearing('a', 10), hearing('b', 12)), 200, styleFor(false));
    expect(table.split('\n')[0]).toMatch(/a +b +change/);
    expect(table).toMatch(/words wrong +10 of 100 \(10\.0%\) +12 of 100 \(12\.0%\) +\+20%/);
    expect(table).toMatch(/load time +500 ms/);
  });
});

describe('the folder of a quantized model', () => {
  const paths = resolvePaths({ SOTTO_HOME: folder });

  test.each([
    ['whisper-base', 4, undefined, join(paths.models, 'whisper-base-4bit')],
    ['whisper-base-6bit', 4, undefined, join(paths.models, 'whisper-base-4bit')],
    ['whisper-base', 4, 'small-one', join(paths.models, 'small-one')],
    ['whisper-base', 4, '/elsewhere/one', '/elsewhere/one'],
    ['whisper-base', 4, './one', join(process.cwd(), 'one')],
  ])('%s in %i bits with --out %s: %s', (name, bits, out, place) =>
    expect(outputDirFor(paths, name, bits, out)).toBe(place),
  );
});

describe('sotto models quantize', () => {
  test.each([
    [['models', 'quantize']],
    [['models', 'quantize', 'a', '--bits', '7']],
    [['models', 'quantize', 'a', '--bits', '1']],
    [['models', 'quantize', 'a', '--group-size', '48']],
    [['models', 'quantize', 'a', '--first-last-bits', '12']],
    [['models', 'quantize', 'a', '--embedding-bits', 'all']],
    [['models', 'quantize', 'a', '--layer-bits', 'mlp2']],
    [['models', 'quantize', 'a', '--layer-bits', '*.mlp2=9']],
  ])('wrong usage %j exits with 2', async (args) => {
    expect(await main(args)).toBe(2);
    expect(written.stderr).toMatch(/^sotto: /);
  });

  test('prints help with examples', async () => {
    expect(await main(['models', 'quantize', '--help'])).toBe(0);
    expect(written.stdout).toMatch(/Examples:/);
  });

  test('quantizes the included model and compares it', async () => {
    const jfk = clip('jfk.flac');
    if (jfk === undefined) throw new Error('the clip is part of the repository');
    const clips = mkdtempSync(join(folder, 'clips-'));
    const text =
      'And so my fellow Americans ask not what your country can do for you ask what you can do for your country';
    copyFileSync(jfk, join(clips, 'jfk.flac'));
    writeFileSync(
      join(clips, 'manifest.jsonl'),
      `${JSON.stringify({ file: 'jfk.flac', text, language: 'en' })}\n`,
    );
    const out = join(folder, 'packed');
    const args = ['models', 'quantize', starterModel(), '--bits', '8', '--embedding-bits', '6', '--out', out];
    expect(await main([...args, '--clips', clips, '--json'])).toBe(0);
    const report = JSON.parse(written.stdout) as {
      isEquivalent: boolean;
      notes: string[];
      facts: { quantization: object; layers: object[] };
      source: { spoken: number; errors: number };
      result: { errors: number; bytes: number; loadSeconds: number; tokensPerSecond: number };
    };
    expect(report).toMatchObject({
      isEquivalent: true,
      source: { spoken: 22, errors: 0 },
      result: { errors: 0 },
    });
    expect(report.facts.quantization).toEqual({ bits: 8, groupSize: 64 });
    expect(report.facts.layers).toHaveLength(2);
    expect(report.result.loadSeconds).toBeGreaterThan(0);
    expect(report.result.tokensPerSecond).toBeGreaterThan(0);
    // mlx-whisper can't read it, and its source was already quantized.
    expect(report.notes.join(' ')).toMatch(/mlx-whisper.*already quantized/);
    expect(readdirSync(out).sort()).toEqual(['.sotto-made.json', 'config.json', 'weights.safetensors']);

    // An existing folder is kept without --force.
    expect(await main([...args, '--no-report'])).not.toBe(0);
    expect(written.stderr).toContain('--force');
    // Any other file beside the result is the user's.
    writeFileSync(join(out, 'mine.safetensors'), 'mine');
    expect(await main([...args, '--no-report', '--force'])).not.toBe(0);
    expect(written.stderr).toContain('mine.safetensors');
    expect(readFileSync(join(out, 'mine.safetensors'), 'utf8')).toBe('mine');
    rmSync(join(out, 'mine.safetensors'));
    expect(await main([...args, '--no-report', '--force'])).toBe(0);
  });

  test.each([
    ['a config.json and no weights', ['config.json', 'notes.txt']],
    ['weights and a subfolder', ['config.json', 'weights.safetensors', 'src/main.py']],
    ['weights and no config.json', ['weights.safetensors', 'thesis.pdf']],
    ['a model and a file of the user', ['config.json', 'weights.safetensors', 'thesis.pdf']],
    ['a model and notes', ['config.json', 'weights.safetensors', 'notes.txt']],
  ])('--force keeps a folder with %s', async (_, names) => {
    const out = mkdtempSync(join(folder, 'of-the-user-'));
    for (const name of names) {
      mkdirSync(dirname(join(out, name)), { recursive: true });
      writeFileSync(join(out, name), `content of ${name}`);
    }
    const args = ['models', 'quantize', starterModel(), '--out', out, '--no-report', '--force'];
    expect(await main(args)).not.toBe(0);
    expect(written.stderr).toContain('already exists');
    for (const name of names) expect(readFileSync(join(out, name), 'utf8')).toBe(`content of ${name}`);
    expect(readdirSync(out).sort()).toEqual(names.map((name) => name.split('/')[0]).sort());
  });

  test('refuses missing clips before the work', async () => {
    const out = join(folder, 'never');
    const args = ['models', 'quantize', starterModel(), '--out', out, '--clips', join(folder, 'no-clips')];
    expect(await main(args)).not.toBe(0);
    expect(written.stderr).toContain('manifest.jsonl');
    const clips = mkdtempSync(join(folder, 'gone-'));
    writeFileSync(join(clips, 'manifest.jsonl'), '{"file":"gone.flac","text":"a word","language":"en"}\n');
    expect(await main([...args.slice(0, -1), clips])).not.toBe(0);
    expect(written.stderr).toContain('gone.flac');
    expect(existsSync(out)).toBe(false);
  });
});

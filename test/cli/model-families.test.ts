/** `models pull`, `verify`, `quantize` and `use` for the families beside Whisper: random nets on a local hub. */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import { main } from '#daemon/cli/main.js';
import { footprintOf, loadRecognizer } from '#daemon/models/registry.js';
import { writeRandomNemotron } from '#test/bench/random-nemotron.js';
import { captureOutput } from '#test/harness/capture-output.js';
import { startLocalHub, type LocalHub } from '#test/harness/local-hub.js';
import { tempHome, type TempHome } from '#test/harness/temp-home.js';
import { emptyDir } from '#test/models/checkpoint/checkpoint-dirs.js';
import { writeRandomMoonshine } from '#test/models/moonshine/random-moonshine.js';
import { SMALL_HYBRID, writeRandomParakeet } from '#test/models/parakeet/random-parakeet.js';
import { writeRandomWav2Vec2 } from '#test/models/wav2vec2/random-wav2vec2.js';
import { transcribedAll, wav2vec2Dir } from '#test/models/wav2vec2/wav2vec2-fixtures.js';

interface Model {
  readonly name: string;
  readonly family: string;
  /** Writes the directory. @returns it */
  readonly write: () => string | Promise<string>;
  /** The files that a pull must bring. */
  readonly files: readonly string[];
  /** For `quantize`, of a net that is smaller than any published one. */
  readonly flags?: readonly string[];
}

/** `write` in an empty directory, which it returns. */
const inNewDir = (write: (dir: string) => void) => (): string => {
  const dir = emptyDir();
  write(dir);
  return dir;
};

const MODELS: readonly Model[] = [
  {
    name: 'moonshine',
    family: 'moonshine',
    write: inNewDir((dir) => writeRandomMoonshine(dir, 'float32')),
    files: ['config.json', 'model.safetensors', 'tokenizer.json'],
  },
  {
    name: 'parakeet',
    family: 'parakeet',
    write: inNewDir((dir) => writeRandomParakeet(dir, SMALL_HYBRID, 'float32')),
    files: ['config.json', 'model.safetensors'],
  },
  {
    name: 'nemotron',
    family: 'nemotron',
    write: () => writeRandomNemotron(emptyDir(), 'small'),
    files: ['config.json', 'model.safetensors'],
  },
  {
    name: 'wav2vec2',
    family: 'wav2vec2',
    write: inNewDir((dir) => writeRandomWav2Vec2(dir, 'base', 'float32')),
    files: [
      'config.json',
      'model.safetensors',
      'processor_config.json',
      'tokenizer_config.json',
      'vocab.json',
    ],
  },
  {
    name: 'mms',
    family: 'wav2vec2',
    write: () => wav2vec2Dir('mms'),
    files: [
      'adapter.deu.safetensors',
      'adapter.eng.safetensors',
      'config.json',
      'model.safetensors',
      'preprocessor_config.json',
      'tokenizer_config.json',
      'vocab.json',
    ],
    flags: ['--group-size', '32'],
  },
];

/** What such repositories also hold. */
const OTHER_FILES = {
  '.gitattributes': 'a',
  'README.md': 'a',
  'model.nemo': 'an archive with a pickle',
  'pytorch_model.bin': 'a pickle',
  'tokenizer.model': 'pieces that are in the config, too',
  'training_args.bin': 'a pickle',
  'onnx/model.onnx': 'another format',
};

const written = captureOutput();
const environment = { ...process.env };
let hub: LocalHub;
let home: TempHome;
beforeAll(async () => void (hub = await startLocalHub()));
afterAll(() => hub.close());
beforeEach(() => {
  home = tempHome();
  process.env.SOTTO_HOME = home.folder;
  process.env.HF_ENDPOINT = hub.endpoint;
});
afterEach(() => {
  process.env = { ...environment };
  home.remove();
});

const run = (...args: string[]): Promise<number> => main(['models', ...args]);

/** What `verify` finds. Random weights don’t write the sample’s words, so its exit code is 1. */
async function verified(name: string): Promise<unknown> {
  written.stdout = '';
  expect(await run('verify', name, '--json')).toBe(1);
  return JSON.parse(written.stdout);
}

const filesIn = (dir: string): string[] =>
  readdirSync(dir)
    .filter((name) => !name.startsWith('.'))
    .sort();
const contentOf = (dir: string): Record<string, Buffer> =>
  Object.fromEntries(filesIn(dir).map((name) => [name, readFileSync(join(dir, name))]));

describe.each(MODELS)('$name', ({ name, family, write, files, flags = [] }) => {
  test('is pulled with the files that it needs, verified, quantized and chosen', async () => {
    hub.commit(`someone/${name}`, { ...contentOf(await write()), ...OTHER_FILES });
    expect(await run('pull', `someone/${name}`)).toBe(0);
    const dir = join(home.paths.models, name);
    expect(filesIn(dir)).toEqual(files);
    expect(await verified(name)).toMatchObject({
      family,
      notFinite: [],
      verified: { files: files.map(() => ({ state: 'ok' })) },
    });
    for (const bits of [8, 6, 4]) {
      const everywhere = ['--bits', '--first-last-bits', '--embedding-bits'].flatMap((flag) => [
        flag,
        `${bits}`,
      ]);
      expect(await run('quantize', name, ...everywhere, '--no-report', ...flags)).toBe(0);
      const quantized = `${dir}-${bits}bit`;
      const model = await loadRecognizer(quantized);
      expect(model.family).toBe(family);
      expect((await footprintOf(quantized)).weightBytes).toBe(model.weightBytes);
      const samples = Float32Array.from({ length: 24_000 }, (_, n) => 0.3 * Math.sin(1e-5 * n * n));
      expect((await transcribedAll(model, samples)).durationSeconds).toBe(1.5);
      model.dispose();
    }
    expect(await verified(`${name}-4bit`)).toMatchObject({
      family,
      notFinite: [],
      quantization: { bits: 4 },
    });
    expect(await run('use', `${name}-4bit`)).toBe(0);
    written.stdout = '';
    expect(await run('list', '--json')).toBe(0);
    expect(JSON.parse(written.stdout)).toMatchObject({ chosen: `${dir}-4bit` });
  });
});

describe('a model with an adapter for each of many languages', () => {
  const codes = ['deu', 'eng', 'fra', 'ita', 'nld', 'pol', 'por', 'spa', 'uzb-script_latin'];
  const adapter = (code: string): string => `adapter.${code}.safetensors`;
  const adapters = (): string[] =>
    filesIn(join(home.paths.models, 'many')).filter((file) => file.startsWith('adapter.'));
  beforeAll(() => {
    const content = contentOf(wav2vec2Dir('mms'));
    const all = Object.fromEntries(codes.map((code) => [adapter(code), content[adapter('deu')] ?? '']));
    hub.commit('someone/many', { ...content, ...all, 'adapter.deu.bin': 'a pickle' });
  });

  test('is pulled with those that --language names; a later pull adds others', async () => {
    expect(await run('pull', 'someone/many')).toBe(0);
    expect(adapters()).toEqual([]);
    expect(await run('pull', 'someone/many', '--language', 'de,uzb-script_latin')).toBe(0);
    expect(adapters()).toEqual([adapter('deu'), adapter('uzb-script_latin')]);
    expect(await run('pull', 'someone/many', '--language', 'fra')).toBe(0);
    expect(adapters()).toEqual(['deu', 'fra', 'uzb-script_latin'].map(adapter));
    written.stdout = '';
    expect(await run('pull', 'someone/many', '--language', 'de')).toBe(0);
    expect(written.stdout).toContain('already downloaded');
    expect(adapters()).toHaveLength(3);
    const model = await loadRecognizer(join(home.paths.models, 'many'));
    expect(model.capabilities.transcribe?.languages).toEqual(expect.arrayContaining(['en', 'de']));
    model.dispose();
  });

  test('refuses a language that it does not have', async () => {
    expect(await run('pull', 'someone/many', '--language', 'ja')).toBe(2);
    expect(written.stderr).toContain('no adapter for the language "ja"');
  });
});

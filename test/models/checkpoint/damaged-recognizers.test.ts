/**
 * Damaged directories of every family beside Whisper: each file and each field in turn. A model is refused with a code and
 * the name of the faulty file, tensor or field, or it works; memory stays within bounds, and no array is left.
 */
import { readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from '@jest/globals';

import { footprintOf, loadRecognizer } from '#daemon/models/registry.js';

import { root, streamOf } from '../model-fixtures.js';
import { editJson, unpackedDir } from './checkpoint-dirs.js';
import { editSafetensors, type SafetensorsHeader } from './edit-safetensors.js';
import { expectRefusal, FILE_DAMAGES, type RefusalOptions, WEIGHTS } from './expect-refusal.js';

const FIXTURES = [
  'moonshine/odd-rotary',
  'parakeet/ctc-huggingface',
  'parakeet/rnnt-nemo',
  'parakeet/tdt-huggingface',
  'parakeet/hybrid-mlx',
  'nemotron/languages',
  'wav2vec2/mms',
] as const;

const REFUSALS = ['MODEL_CORRUPT', 'MODEL_UNSUPPORTED', 'MODEL_NOT_FOUND', 'TOKENIZER_FAILED'];
const SAMPLES = Float32Array.from({ length: 16_000 }, (_, n) => 0.3 * Math.sin(1e-5 * n * n));

async function use(dir: string): Promise<void> {
  await footprintOf(dir);
  const model = await loadRecognizer(dir);
  try {
    const run = model.transcribe(streamOf(SAMPLES), { vad: false }, new AbortController().signal);
    for await (const _ of run);
  } finally {
    model.dispose();
  }
}

const expectRefused = (dir: string, parts: readonly string[], options?: RefusalOptions): Promise<void> =>
  expectRefusal(() => use(dir), REFUSALS, parts, options);

function editHeader(dir: string, edit: (header: SafetensorsHeader) => void): void {
  editSafetensors(join(dir, WEIGHTS), (header) => {
    delete header.__metadata__;
    edit(header);
  });
}

const namesIn = (header: SafetensorsHeader): string[] =>
  Object.keys(header).filter((name) => !/masked_spec_embed|num_batches_tracked|^preprocessor/.test(name));

const fresh = (fixture: string): string => unpackedDir(join(root, 'test/fixtures', fixture));

describe.each(FIXTURES)('%s', (fixture) => {
  test('with damaged weights', async () => {
    const damages: Record<string, (dir: string) => void> = {
      ...FILE_DAMAGES,
      'an archive of NeMo alone': (dir) => renameSync(join(dir, WEIGHTS), join(dir, 'model.nemo')),
      'a pickle alone': (dir) => renameSync(join(dir, WEIGHTS), join(dir, 'model_weights.ckpt')),
      'a binary alone': (dir) => renameSync(join(dir, WEIGHTS), join(dir, 'pytorch_model.bin')),
    };
    for (const [what, damage] of Object.entries(damages)) {
      const dir = fresh(fixture);
      damage(dir);
      await expectRefused(dir, [WEIGHTS, '.nemo', '.ckpt', '.bin', dir], { what });
    }
  });

  test('without any one tensor, or with it in another shape or dtype', async () => {
    let names: string[] = [];
    editHeader(fresh(fixture), (header) => (names = namesIn(header)));
    const picked = names.filter((_, i) => i % Math.ceil(names.length / 8) === 0);
    for (const name of picked) {
      const [last = ''] = /[^.]+\.[^.]+$/.exec(name) ?? [];
      for (const [what, edit] of [
        ['missing', (header: SafetensorsHeader) => delete header[name]],
        [
          'flat',
          (header: SafetensorsHeader) => {
            const entry = header[name];
            if (entry) entry.shape = [...entry.shape, 1, 1];
          },
        ],
        [
          'integers',
          (header: SafetensorsHeader) => {
            const entry = header[name];
            if (entry) entry.dtype = { F32: 'I32', F16: 'I16', BF16: 'I16' }[entry.dtype] ?? 'U8';
          },
        ],
      ] as const) {
        const dir = fresh(fixture);
        editHeader(dir, edit);
        await expectRefused(dir, [last, WEIGHTS], { what: `${name} ${what}` });
      }
    }
  });

  test('with any number of config.json replaced', async () => {
    const { fields } = numbersOf(JSON.parse(readFileSync(join(fresh(fixture), 'config.json'), 'utf8')));
    for (const path of fields) {
      for (const value of [0, 0.5, 1e9, 1e308, '8']) {
        const dir = fresh(fixture);
        editJson(join(dir, 'config.json'), (json) => replace(json, path, value));
        const what = `${path.join('.')} = ${JSON.stringify(value)}`;
        await expectRefused(dir, [String(path.at(-1)), 'config.json', WEIGHTS, 'adapter', dir], {
          isHarmless: true,
          what,
        });
      }
    }
  });

  test('with other damaged files', async () => {
    for (const name of readdirSync(fresh(fixture)).filter((file) => file.endsWith('.json'))) {
      for (const text of ['', '{', '[]', '{"a": NaN}', 'null', '{}']) {
        const dir = fresh(fixture);
        writeFileSync(join(dir, name), text);
        await expectRefused(dir, [name, dir], { isHarmless: true, what: `${name} = ${text}` });
      }
      const dir = fresh(fixture);
      rmSync(join(dir, name));
      await expectRefused(dir, [name, dir], { isHarmless: true, what: `no ${name}` });
    }
  });
});

// A head of Wav2Vec2 may have more outputs than letters.
test.each(FIXTURES.filter((fixture) => !fixture.startsWith('wav2vec2')))(
  '%s with a vocabulary that is shorter than the head',
  async (fixture) => {
    const dir = fresh(fixture);
    if (/(?:mlx|nemo)$/.test(fixture)) {
      editJson(
        join(dir, 'config.json'),
        ({ joint }) => ((joint as { vocabulary: string[] }).vocabulary.length = 20),
      );
    } else {
      editJson(join(dir, 'tokenizer.json'), (json) => {
        const { model } = json as { model: { vocab: Record<string, number> } };
        model.vocab = Object.fromEntries(Object.entries(model.vocab).filter(([, id]) => id < 20));
        json.added_tokens = [];
      });
    }
    await expectRefused(dir, ['tokenizer.json has 20', 'it has 20 tokens', 'joint'], { what: 'short' });
  },
);

/** Paths of the numbers in a config that are no lists of many. */
function numbersOf(json: unknown, path: readonly string[] = []): { fields: string[][] } {
  if (typeof json === 'number') return { fields: [[...path]] };
  if (typeof json !== 'object' || json === null || Array.isArray(json)) return { fields: [] };
  return {
    fields: Object.entries(json).flatMap(([key, value]) => numbersOf(value, [...path, key]).fields),
  };
}

function replace(json: Record<string, unknown>, path: readonly string[], value: unknown): void {
  const [first = '', ...rest] = path;
  if (rest.length === 0) json[first] = value;
  else replace(json[first] as Record<string, unknown>, rest, value);
}

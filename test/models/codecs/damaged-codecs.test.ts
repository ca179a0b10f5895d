/**
 * Damaged directories of every codec: each file and each field in turn. A model is refused with a code and the name of the
 * faulty file, tensor or field, or it works; memory stays within bounds, and no array is left.
 */
import { existsSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from '@jest/globals';

import { encodeAll } from '#daemon/models/encode-all.js';
import { footprintOf, loadModel } from '#daemon/models/registry.js';
import { asCodec } from '#daemon/models/speech-model.js';

import { editJson } from '../checkpoint/checkpoint-dirs.js';
import { expectRefusal, FILE_DAMAGES, type RefusalOptions, WEIGHTS } from '../checkpoint/expect-refusal.js';
import { streamOf } from '../model-fixtures.js';
import { codecDir, testSamples } from './codec-fixtures.js';
import { lyraDir } from './lyra/lyra-fixtures.js';
import { editSafetensors, type SafetensorsHeader } from '../checkpoint/edit-safetensors.js';

const FIXTURES = [
  'encodec-causal',
  'encodec-segments',
  'mimi-tiny',
  'mimi-variant',
  'lyra',
  's3-v1-25hz',
  's3-v2-25hz',
] as const;

const REFUSALS = ['MODEL_CORRUPT', 'MODEL_UNSUPPORTED', 'MODEL_NOT_FOUND'];
const { signal } = new AbortController();

/** Without the other spellings of the weights. */
function fresh(fixture: string): string {
  const dir = fixture === 'lyra' ? lyraDir() : codecDir(fixture);
  for (const other of ['meta', 'kyutai', 'mlx-audio']) {
    const path = join(dir, `${other}.safetensors`);
    if (existsSync(path)) rmSync(path);
  }
  return dir;
}

async function use(dir: string): Promise<void> {
  await footprintOf(dir);
  const model = asCodec(await loadModel(dir));
  try {
    const encoded = await encodeAll(model, streamOf(testSamples(300)), {}, signal);
    if (model.capabilities.codec?.encodesOnly !== true) for await (const _ of model.decode(encoded, signal));
  } finally {
    model.dispose();
  }
}

const expectRefused = (dir: string, parts: readonly string[], options?: RefusalOptions): Promise<void> =>
  expectRefusal(() => use(dir), REFUSALS, parts, options);

type Damage = (dir: string) => void;

const DAMAGES: Readonly<Record<string, Damage>> = {
  ...FILE_DAMAGES,
  'a pickle alone': (dir) => renameSync(join(dir, WEIGHTS), join(dir, 'pytorch_model.bin')),
  'a pickle of Meta alone': (dir) => renameSync(join(dir, WEIGHTS), join(dir, 'encodec_24khz.th')),
  'an ONNX file alone': (dir) => renameSync(join(dir, WEIGHTS), join(dir, 'speech_tokenizer.onnx')),
  'an unknown tensor': (dir) =>
    editHeader(dir, (header) => {
      header['encoder.layers.0.conv.gain'] = { dtype: 'F32', shape: [0], data_offsets: [0, 0] };
    }),
};

const editHeader = (dir: string, edit: (header: SafetensorsHeader) => void): string[] =>
  editSafetensors(join(dir, WEIGHTS), edit);

const ARRAY_DAMAGES: Readonly<Record<string, (header: SafetensorsHeader, name: string) => void>> = {
  missing: (header, name) => delete header[name],
  'in another shape': (header, name) => header[name]?.shape.push(1, 1),
  integers: (header, name) => {
    const entry = header[name];
    if (entry) entry.dtype = 'I32';
  },
};

/** Not used, or computed. */
const IGNORED = /\.(?:inited|cluster_size|embed_avg|initialized|positional_embedding)$/;

describe.each(FIXTURES)('%s', (fixture) => {
  test('with damaged weights', async () => {
    for (const [what, damage] of Object.entries(DAMAGES)) {
      const dir = fresh(fixture);
      damage(dir);
      await expectRefused(dir, [WEIGHTS, '.bin', '.th: PyTorch pickle', dir], { what });
    }
  });

  test('without any one tensor, or with it in another shape or dtype', async () => {
    const names = editHeader(fresh(fixture), () => undefined).filter((name) => !IGNORED.test(name));
    const picked = names.filter((_, i) => i % Math.ceil(names.length / 6) === 0);
    for (const name of picked) {
      for (const [what, damage] of Object.entries(ARRAY_DAMAGES)) {
        const dir = fresh(fixture);
        editHeader(dir, (header) => damage(header, name));
        await expectRefused(dir, [WEIGHTS], { what: `${name} ${what}` });
      }
    }
  });

  test('with any number of config.json replaced', async () => {
    const json = JSON.parse(readFileSync(join(fresh(fixture), 'config.json'), 'utf8')) as Record<
      string,
      unknown
    >;
    for (const field of Object.keys(json).filter((key) => typeof json[key] === 'number')) {
      for (const value of [0, 0.5, -1, 1e9, 1e308, '8']) {
        const dir = fresh(fixture);
        editJson(join(dir, 'config.json'), (own) => (own[field] = value));
        const what = `${field} = ${JSON.stringify(value)}`;
        await expectRefused(dir, [field, 'config.json', WEIGHTS, dir], { isHarmless: true, what });
      }
    }
  });

  test('with a damaged config.json', async () => {
    for (const text of ['', '{', '[]', '{"a": NaN}', 'null', '{}']) {
      const dir = fresh(fixture);
      writeFileSync(join(dir, 'config.json'), text);
      await expectRefused(dir, ['config.json', dir], { what: text });
    }
  });
});

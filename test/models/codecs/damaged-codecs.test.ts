/**
 * Damaged directories of every codec: each file and each field in turn. A model is refused with a code and the name of the
 * faulty file, tensor or field, or it works; memory stays within bounds, and no array is left.
 */
import { existsSync, readFileSync, renameSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from '@jest/globals';

import { encodeAll } from '#daemon/models/encode-all.js';
import { footprintOf, loadModel } from '#daemon/models/registry.js';
import { asCodec } from '#daemon/models/speech-model.js';
import { SottoError } from '#daemon/protocol/errors.js';
import { mx } from '#native/index.js';

import { editJson } from '../checkpoint/checkpoint-dirs.js';
import { streamOf } from '../model-fixtures.js';
import { codecDir, testSamples } from './codec-fixtures.js';
import { editSafetensors, type SafetensorsHeader } from './edit-safetensors.js';

const FIXTURES = ['encodec-causal', 'encodec-segments', 'mimi-tiny', 'mimi-variant'] as const;

const WEIGHTS = 'model.safetensors';
const REFUSALS = ['MODEL_CORRUPT', 'MODEL_UNSUPPORTED', 'MODEL_NOT_FOUND'];
/** Far more than a tiny model needs. */
const MAX_BYTES = 400e6;
const { signal } = new AbortController();

/** Without the other spellings of the weights. */
function fresh(fixture: string): string {
  const dir = codecDir(fixture);
  for (const other of ['meta', 'kyutai']) {
    const path = join(dir, `${other}.safetensors`);
    if (existsSync(path)) rmSync(path);
  }
  return dir;
}

/** The error of using the directory; undefined if it works. */
async function errorOf(dir: string): Promise<unknown> {
  try {
    await footprintOf(dir);
    const model = asCodec(await loadModel(dir));
    try {
      const encoded = await encodeAll(model, streamOf(testSamples(300)), {}, signal);
      for await (const _ of model.decode(encoded, signal));
    } finally {
      model.dispose();
    }
    return undefined;
  } catch (error) {
    return error;
  }
}

/** @param isHarmless whether the model may work */
async function expectRefused(
  dir: string,
  parts: readonly string[],
  { isHarmless = false, what = '' } = {},
): Promise<void> {
  const live = mx.liveArrays();
  mx.memory.resetPeak();
  const before = mx.memory.active();
  const error = await errorOf(dir);
  const label = `${what}: ${String(error)}`;
  expect([label, mx.liveArrays()]).toEqual([label, live]);
  expect([label, mx.memory.peak() - before < MAX_BYTES]).toEqual([label, true]);
  if (error === undefined && isHarmless) return;
  if (!(error instanceof SottoError)) throw new Error(label, { cause: error });
  expect([label, REFUSALS.includes(error.code)]).toEqual([label, true]);
  expect([label, parts.some((part) => error.message.includes(part))]).toEqual([label, true]);
}

type Damage = (dir: string) => void;

const FILE_DAMAGES: Readonly<Record<string, Damage>> = {
  truncated: (dir) => truncateSync(join(dir, WEIGHTS), readFileSync(join(dir, WEIGHTS)).length - 100),
  'cut in the header': (dir) => truncateSync(join(dir, WEIGHTS), 500),
  empty: (dir) => writeFileSync(join(dir, WEIGHTS), ''),
  'a header length that lies': (dir) => {
    const bytes = readFileSync(join(dir, WEIGHTS));
    bytes.writeBigUInt64LE(2n ** 62n);
    writeFileSync(join(dir, WEIGHTS), bytes);
  },
  'a pickle alone': (dir) => renameSync(join(dir, WEIGHTS), join(dir, 'pytorch_model.bin')),
  'a pickle of Meta alone': (dir) => renameSync(join(dir, WEIGHTS), join(dir, 'encodec_24khz.th')),
  'other bytes': (dir) => writeFileSync(join(dir, WEIGHTS), Buffer.alloc(5000, 0x80)),
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

/** Not used. */
const IGNORED = /\.(?:inited|cluster_size|embed_avg|initialized)$/;

describe.each(FIXTURES)('%s', (fixture) => {
  test('with damaged weights', async () => {
    for (const [what, damage] of Object.entries(FILE_DAMAGES)) {
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

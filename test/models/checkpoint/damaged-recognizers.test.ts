/**
 * Damaged directories of every family beside Whisper: each file and each field in turn. A model is refused with a code and
 * the name of the faulty file, tensor or field, or it works; memory stays within bounds, and no array is left.
 */
import { readdirSync, readFileSync, renameSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from '@jest/globals';

import { footprintOf, loadRecognizer } from '#daemon/models/registry.js';
import { SottoError } from '#daemon/protocol/errors.js';
import { mx } from '#native/index.js';

import { root, streamOf } from '../model-fixtures.js';
import { editJson, unpackedDir } from './checkpoint-dirs.js';

const FIXTURES = [
  'moonshine/odd-rotary',
  'parakeet/ctc-huggingface',
  'parakeet/rnnt-nemo',
  'parakeet/tdt-huggingface',
  'parakeet/hybrid-mlx',
  'nemotron/languages',
  'wav2vec2/mms',
] as const;

const WEIGHTS = 'model.safetensors';
const REFUSALS = ['MODEL_CORRUPT', 'MODEL_UNSUPPORTED', 'MODEL_NOT_FOUND', 'TOKENIZER_FAILED'];
/** Far more than a tiny model needs. */
const MAX_BYTES = 400e6;
const SAMPLES = Float32Array.from({ length: 16_000 }, (_, n) => 0.3 * Math.sin(1e-5 * n * n));

/** The error of using the directory; undefined if it works. */
async function errorOf(dir: string): Promise<unknown> {
  try {
    await footprintOf(dir);
    const model = await loadRecognizer(dir);
    try {
      const run = model.transcribe(streamOf(SAMPLES), { vad: false }, new AbortController().signal);
      for await (const _ of run);
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

type Header = Record<string, { dtype: string; shape: number[]; data_offsets: [number, number] }>;

/** Edits the header of the weights, and what follows it. */
function editHeader(dir: string, edit: (header: Header) => void): void {
  const path = join(dir, WEIGHTS);
  const bytes = readFileSync(path);
  const length = Number(bytes.readBigUInt64LE());
  const header = JSON.parse(bytes.toString('utf8', 8, 8 + length)) as Header;
  delete (header as Record<string, unknown>).__metadata__;
  edit(header);
  const text = Buffer.from(JSON.stringify(header));
  const size = Buffer.alloc(8);
  size.writeBigUInt64LE(BigInt(text.length));
  writeFileSync(path, Buffer.concat([size, text, bytes.subarray(8 + length)]));
}

const namesIn = (header: Header): string[] =>
  Object.keys(header).filter((name) => !/masked_spec_embed|num_batches_tracked|^preprocessor/.test(name));

const fresh = (fixture: string): string => unpackedDir(join(root, 'test/fixtures', fixture));

describe.each(FIXTURES)('%s', (fixture) => {
  test('with damaged weights', async () => {
    const damages: Record<string, (dir: string) => void> = {
      truncated: (dir) => truncateSync(join(dir, WEIGHTS), readFileSync(join(dir, WEIGHTS)).length - 100),
      'cut in the header': (dir) => truncateSync(join(dir, WEIGHTS), 500),
      empty: (dir) => writeFileSync(join(dir, WEIGHTS), ''),
      'a header length that lies': (dir) => {
        const bytes = readFileSync(join(dir, WEIGHTS));
        bytes.writeBigUInt64LE(2n ** 62n);
        writeFileSync(join(dir, WEIGHTS), bytes);
      },
      'an archive of NeMo alone': (dir) => renameSync(join(dir, WEIGHTS), join(dir, 'model.nemo')),
      'a pickle alone': (dir) => renameSync(join(dir, WEIGHTS), join(dir, 'model_weights.ckpt')),
      'a binary alone': (dir) => renameSync(join(dir, WEIGHTS), join(dir, 'pytorch_model.bin')),
      'other bytes': (dir) => writeFileSync(join(dir, WEIGHTS), Buffer.alloc(5000, 0x80)),
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
        ['missing', (header: Header) => delete header[name]],
        [
          'flat',
          (header: Header) => {
            const entry = header[name];
            if (entry) entry.shape = [...entry.shape, 1, 1];
          },
        ],
        [
          'integers',
          (header: Header) => {
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

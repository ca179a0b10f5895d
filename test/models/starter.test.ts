/** The files under assets/ match their manifests, which catches accidental changes. */
import { createHash } from 'node:crypto';
import { readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from '@jest/globals';
import * as v from 'valibot';
import { parseConfig } from '#daemon/models/whisper/whisper-config.js';
import { validateSafetensors } from '#native/safetensors/validate.js';

const assets = fileURLToPath(new URL('../../../assets', import.meta.url));

const fileEntry = {
  bytes: v.pipe(v.number(), v.integer(), v.minValue(1)),
  sha256: v.pipe(v.string(), v.regex(/^[0-9a-f]{64}$/)),
};
const modelManifest = v.object({
  starter: v.string(),
  english: v.string(),
  codec: v.string(),
  models: v.array(
    v.object({
      name: v.string(),
      family: v.string(),
      licence: v.string(),
      files: v.pipe(v.array(v.object({ ...fileEntry, path: v.string() })), v.minLength(2)),
    }),
  ),
});
const clipEntry = v.object({
  ...fileEntry,
  id: v.string(),
  file: v.string(),
  seconds: v.pipe(v.number(), v.gtValue(0)),
  language: v.string(),
  text: v.pipe(v.string(), v.minLength(1)),
  source: v.string(),
  licence: v.string(),
});

function facts(path: string) {
  return {
    bytes: statSync(path).size,
    sha256: createHash('sha256').update(readFileSync(path)).digest('hex'),
  };
}

const { starter, english, codec, models } = v.parse(
  modelManifest,
  JSON.parse(readFileSync(join(assets, 'models/manifest.json'), 'utf8')),
);
const folder = join(assets, 'models', starter);

describe('the included models', () => {
  test('every file of every included model has the size and the sha256 of the manifest', () => {
    expect(models.map(({ name }) => name)).toEqual([codec, english, starter]);
    for (const { name, files } of models) {
      for (const { path, bytes, sha256 } of files) {
        expect({ path, ...facts(join(assets, 'models', name, path)) }).toEqual({ path, bytes, sha256 });
      }
    }
  });

  test('a model directory holds only its README and files of the manifest', () => {
    for (const { name, files } of models) {
      const listed = files.map(({ path }) => path);
      expect(readdirSync(join(assets, 'models', name)).sort()).toEqual([...listed, 'README.md'].sort());
    }
  });

  test('each has its license beside it', () => {
    for (const { name, licence } of models) {
      const readme = readFileSync(join(assets, 'models', name, 'README.md'), 'utf8');
      if (licence === 'Apache-2.0') {
        expect(readme).toContain('Apache License, Version 2.0');
        const text = readFileSync(join(assets, 'models', name, 'LICENSE'), 'utf8');
        expect(text).toContain('Apache License\n                           Version 2.0');
        continue;
      }
      expect(readme).toContain(`${licence} License\n\nCopyright (c)`);
      expect(readme).toContain('The above copyright notice and this permission notice shall be included');
    }
  });
});

describe('the starter model', () => {
  test('it is multilingual base with every matrix quantized as its config says', () => {
    const config = parseConfig(JSON.parse(readFileSync(join(folder, 'config.json'), 'utf8')));
    expect([config.nAudioState, config.nTextLayer, config.isMultilingual]).toEqual([512, 6, true]);
    const { bits, groupSize } = config.quantization ?? { bits: 0, groupSize: 1 };
    const { tensors } = validateSafetensors(join(folder, 'weights.safetensors'));
    const packed = [...tensors].filter(([name]) => name.endsWith('.scales'));
    // Encoder blocks hold 4 + 2 matrices, decoder blocks 8 + 2; the embedding is quantized too.
    expect(packed).toHaveLength(6 * 6 + 6 * 10 + 1);
    for (const [name, { shape }] of packed) {
      const weight = tensors.get(name.replace(/scales$/, 'weight'));
      const [rows = 0, groups = 0] = shape;
      expect(weight?.dtype).toBe('U32');
      expect(weight?.shape).toEqual([rows, (groups * groupSize * bits) / 32]);
      expect(tensors.get(name.replace(/scales$/, 'biases'))?.shape).toEqual(shape);
    }
    expect(tensors.get('alignment_heads')?.shape).toEqual([8, 2]);
    expect(tensors.get('decoder.positional_embedding')?.shape).toEqual([448, 512]);
  });
});

describe('the sample speech', () => {
  test('every clip has the size and the sha256 of its line, a source and a license', () => {
    const lines = readFileSync(join(assets, 'speech/manifest.jsonl'), 'utf8').trim().split('\n');
    expect(lines.length).toBeGreaterThan(5);
    for (const line of lines) {
      const { file, bytes, sha256, licence } = v.parse(clipEntry, JSON.parse(line));
      expect({ file, ...facts(join(assets, 'speech', file)) }).toEqual({ file, bytes, sha256 });
      expect(licence).toMatch(/^public domain/);
    }
  });
});

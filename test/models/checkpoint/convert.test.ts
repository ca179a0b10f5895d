/** Converting a checkpoint of any layout gives an mlx-community directory with the same outputs. */
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { describe, expect, test } from '@jest/globals';

import { loadRecognizer } from '#daemon/models/registry.js';
import { loadWhisper, readConfig } from '#daemon/models/whisper/checkpoint/load-whisper.js';
import { convert, inspect } from '#daemon/models/whisper/checkpoint/convert.js';
import { runModelTool, type Stage } from '#daemon/supervisor/model-tool-process.js';
import { errorsIn } from '#daemon/cli/models/word-errors.js';
import { validateSafetensors } from '#native/safetensors/validate.js';
import { mx } from '#native/index.js';

import { testUnless } from '#test/harness/skipping.js';
import { checkpointDir, editJson, emptyDir, expectedOf } from './checkpoint-dirs.js';
import { outputs } from './checkpoint-outputs.js';
import { clip, missingClips, realWeights, samplesOf, streamOf } from '../model-fixtures.js';

const never = new AbortController().signal;
const float16 = { groupSize: 32, dtype: 'float16' } as const;

async function outputsOf(folder: string, like: string) {
  const model = await loadWhisper(folder, await readConfig(folder));
  const both = outputs(model, expectedOf(like).prompt);
  model.dispose();
  return both;
}

describe('a converted checkpoint', () => {
  test.each(['huggingface', 'huggingface-sharded', 'mlx-npz'])(
    'from %s computes identical outputs',
    async (name) => {
      const source = checkpointDir(name);
      const out = emptyDir();
      const live = mx.liveArrays();
      await convert(source, out, float16, {});
      expect(mx.liveArrays()).toBe(live);
      expect(readdirSync(out).sort()).toEqual(['config.json', 'weights.safetensors']);
      expect(await outputsOf(out, name)).toEqual(await outputsOf(source, name));
      expect((await readConfig(out)).nVocab).toBe((await readConfig(source)).nVocab);
    },
  );

  test.each([2, 3, 4, 5, 6, 8] as const)(
    'quantized to %i bits equals that of mlx-whisper’s converter',
    async (bits) => {
      const packed = checkpointDir(`mlx-${bits}bit`);
      const expanded = emptyDir();
      await convert(packed, expanded, { groupSize: 32, dtype: 'float32' }, {});
      const again = emptyDir();
      await convert(expanded, again, { bits, ...float16 }, {});
      const config = await readConfig(again);
      expect(config.quantization).toEqual({ bits, groupSize: 32 });
      const shapes = (dir: string) =>
        [...validateSafetensors(join(dir, 'weights.safetensors')).tensors]
          .map(
            ([name, { dtype, shape }]) =>
              `${name} ${name === 'alignment_heads' ? '' : dtype} [${shape.join()}]`,
          )
          .sort();
      expect(shapes(again)).toEqual(shapes(packed));
    },
  );

  test('keeps the alignment heads of generation_config.json', async () => {
    const out = emptyDir();
    await convert(checkpointDir('huggingface'), out, float16, {});
    const model = await loadWhisper(out, await readConfig(out));
    expect(model.config.alignmentHeads).toEqual([[0, 1], [1, 0]]); // prettier-ignore
    model.dispose();
  });

  test('rejects a group size that does not divide the layers', async () => {
    await expect(
      convert(checkpointDir('huggingface'), emptyDir(), { bits: 4, groupSize: 64, dtype: 'float16' }, {}),
    ).rejects.toMatchObject({ code: 'INVALID_ARGUMENT' });
  });
});

describe('inspecting', () => {
  test('describes a checkpoint', async () => {
    const facts = await inspect(checkpointDir('mlx-6bit'), {});
    expect(facts).toMatchObject({
      family: 'whisper',
      layout: 'mlx',
      dtype: 'float16',
      quantization: { bits: 6, groupSize: 32 },
      notFinite: [],
    });
    expect(facts.languages.length).toBe(99);
    // 1 + 1 layers of width 32, and the embedding, which is the bulk of it.
    expect(facts.parameters).toBeGreaterThan(51_865 * 32);
  });

  test('finds the array that holds a NaN', async () => {
    const folder = checkpointDir('mlx');
    const path = join(folder, 'weights.safetensors');
    const { arrays } = mx.loadSafetensors(path);
    mx.eval(Object.values(arrays));
    arrays['decoder.ln.bias'] = mx.array(new Float32Array(32).fill(NaN));
    mx.saveSafetensors(path, arrays);
    expect((await inspect(folder, {})).notFinite).toEqual(['decoder.ln.bias']);
  });
});

describe('the conversion process', () => {
  const request = (dir: string, out: string, force = false) => ({
    type: 'convert' as const,
    dir,
    out,
    force,
    options: float16,
  });

  test('converts and reports progress and the result', async () => {
    const out = join(emptyDir(), 'made', 'model');
    const progress: [Stage, number][] = [];
    const facts = await runModelTool(request(checkpointDir('distil-bfloat16'), out), {
      signal: never,
      onProgress: (stage, fraction) => progress.push([stage, fraction]),
    });
    expect(facts.files.map(({ name }) => name)).toEqual(['config.json', 'weights.safetensors']);
    expect(progress.at(0)?.[0]).toBe('converting');
    expect(progress.at(-1)).toEqual(['checking', 1]);
  });

  test('replaces a model only with force, and nothing but a model', async () => {
    const source = checkpointDir('mlx');
    const out = checkpointDir('mlx-npz');
    await expect(runModelTool(request(source, out), { signal: never })).rejects.toMatchObject({
      code: 'OUTPUT_FAILED',
    });
    expect(existsSync(join(out, 'weights.npz'))).toBe(true);
    await runModelTool(request(source, out, true), { signal: never });
    expect(readdirSync(out).sort()).toEqual(['.sotto-made.json', 'config.json', 'weights.safetensors']);

    const photos = emptyDir();
    writeFileSync(join(photos, 'holiday.jpg'), '');
    await expect(runModelTool(request(source, photos, true), { signal: never })).rejects.toMatchObject({
      code: 'OUTPUT_FAILED',
    });
    expect(readdirSync(photos)).toEqual(['holiday.jpg']);
    await expect(runModelTool(request(source, source, true), { signal: never })).rejects.toMatchObject({
      code: 'INVALID_ARGUMENT',
    });
  });

  test('leaves no files after cancellation or failure', async () => {
    const parent = emptyDir();
    const controller = new AbortController();
    const work = runModelTool(request(checkpointDir('huggingface'), join(parent, 'out')), {
      signal: controller.signal,
      onProgress: () => controller.abort(),
    });
    await expect(work).rejects.toMatchObject({ code: 'CANCELLED' });
    expect(readdirSync(parent)).toEqual([]);

    const broken = checkpointDir('huggingface');
    editJson(join(broken, 'config.json'), (config) => (config.decoder_layers = 3));
    await expect(runModelTool(request(broken, join(parent, 'out')), { signal: never })).rejects.toMatchObject(
      {
        code: 'MODEL_CORRUPT',
      },
    );
    expect(readdirSync(parent)).toEqual([]);
  });
});

describe('the real base', () => {
  const real = realWeights('base');
  const speech = clip('jfk.flac');
  const check = testUnless('missing' in real ? real.missing : missingClips('jfk.flac'));

  check.each([8, 6, 4] as const)('packed with %i bits still hears every word', async (bits) => {
    const out = join(emptyDir(), `base-${bits}bit`);
    mkdirSync(out);
    if (!('dir' in real) || speech === undefined) throw new Error('no weights or no speech');
    await convert(real.dir, out, { bits, groupSize: 64, dtype: 'float16' }, {});
    const model = await loadRecognizer(out);
    expect(model.name).toBe(basename(out));
    let transcript = '';
    const audio = streamOf(await samplesOf(speech));
    for await (const event of model.transcribe(audio, { language: 'en' }, never)) {
      if (event.type === 'segment') transcript += event.segment.text;
    }
    model.dispose();
    const manifest = readFileSync(join(dirname(speech), 'manifest.jsonl'), 'utf8')
      .trim()
      .split('\n');
    const reference = manifest
      .map((line) => JSON.parse(line) as { file: string; text: string })
      .find(({ file }) => file === 'jfk.flac');
    expect(errorsIn(reference?.text ?? '', transcript, 'en').errors).toBe(0);
  });
});

describe('word errors', () => {
  test.each([
    ['And so, my fellow Americans', 'and so my fellow americans', 'en', 0, 5],
    ['and mister dashwood had then', 'And Mr. Dashwood, had them.', 'en', 1, 5],
    ['ask not what', 'ask what', 'en', 1, 3],
    ['ask what', 'ask not what', 'en', 1, 2],
    ['it’s a test', "it's the test", 'en', 1, 3],
    ['今日は良い', '今日は悪い', 'ja', 1, 5],
    ['', 'you', 'en', 1, 0],
  ])('of %j transcribed as %j', (reference, transcript, language, errors, spoken) => {
    expect(errorsIn(reference, transcript, language)).toEqual({ errors, spoken });
  });
});

import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';

import { loadRecognizer } from '#daemon/models/registry.js';
import { parseConfig } from '#daemon/models/whisper/whisper-config.js';
import { WhisperModel } from '#daemon/models/whisper/index.js';
import { Whisper } from '#daemon/models/whisper/model.js';
import { mx, type MxArray } from '#native/index.js';
import * as nn from '#native/nn/index.js';

import { streamOf } from './model-fixtures.js';
import { SIZES } from './model-sizes.js';

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'sotto-models-'));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

type Shape = (typeof SIZES)[keyof typeof SIZES];

/** A directory with random weights: layers, vocabulary and mel bands of a real size, but narrow and with a short context. */
function randomModel(
  name: string,
  size: Shape,
  change: (weights: Record<string, MxArray>) => void = () => undefined,
  quantization?: { group_size: number; bits: number },
  isDeclared = true,
): string {
  const dir = mkdtempSync(join(folder, `${name}-`));
  const narrow = {
    ...size,
    n_audio_state: 64,
    n_audio_head: 2,
    n_text_state: 64,
    n_text_head: 2,
    n_text_ctx: 48,
  };
  const config = { model_type: 'whisper', ...narrow, ...(quantization && isDeclared && { quantization }) };
  writeFileSync(join(dir, 'config.json'), JSON.stringify(config));
  mx.tidy(() => {
    const model = new Whisper(parseConfig(narrow));
    const weights: Record<string, MxArray> = {};
    let seed = 0;
    for (const [key, { shape }] of model.namedParameters()) {
      weights[key] = mx.random.normal(shape, { scale: 0.1, key: mx.random.key(seed++) }).astype('float16');
    }
    model.loadWeights(weights);
    if (quantization) nn.quantize(model, { groupSize: quantization.group_size, bits: quantization.bits });
    const stored = Object.fromEntries(model.namedParameters());
    change(stored);
    mx.saveSafetensors(join(dir, 'weights.safetensors'), stored, {});
    model.dispose();
  });
  return dir;
}

/** Replaces quantized weights by float32 ones. */
function expand(groupSize: number, bits: number) {
  return (weights: Record<string, MxArray>): void => {
    for (const name of Object.keys(weights).filter((key) => key.endsWith('.scales'))) {
      const layer = name.slice(0, -'.scales'.length);
      const [weight, scales, biases] = ['weight', 'scales', 'biases'].map(
        (part) => weights[`${layer}.${part}`],
      );
      if (!weight || !scales || !biases) throw new Error(`${layer} is not packed`);
      weights[`${layer}.weight`] = mx.dequantize(
        weight,
        scales.astype('float32'),
        biases.astype('float32'),
        groupSize,
        bits,
      );
      delete weights[name];
      delete weights[`${layer}.biases`];
    }
  };
}

const oneSecond = (): Float32Array => Float32Array.from({ length: 16_000 }, (_, i) => Math.sin(i / 7) * 0.1);

async function collect(model: WhisperModel | Awaited<ReturnType<typeof loadRecognizer>>, seconds = 1) {
  const samples = new Float32Array(seconds * 16_000).map((_, i) => Math.sin(i / 7 + (i * i) / 9e6) * 0.1);
  const run = model.transcribe(
    streamOf(samples),
    { temperature: [0], vad: false },
    new AbortController().signal,
  );
  const events = [];
  for (;;) {
    const { value, done } = await run.next();
    if (done === true) return { events, result: value };
    events.push(value);
  }
}

describe('any size by its config', () => {
  test.each(Object.entries(SIZES))('%s loads and decodes', async (name, size) => {
    const live = mx.liveArrays();
    const model = await loadRecognizer(randomModel(name, size));
    const { result } = await collect(model);
    expect(result.durationSeconds).toBe(1);
    expect(Object.values(result.timings).every((seconds) => seconds >= 0)).toBe(true);
    model.dispose();
    expect(mx.liveArrays()).toBe(live);
  });

  test('a quantized model equals its dequantized one and stays quantized in memory', async () => {
    const layout = { group_size: 32, bits: 6 };
    const packed = await WhisperModel.load(randomModel('packed', SIZES.tiny, undefined, layout));
    const expanded = await WhisperModel.load(
      randomModel('expanded', SIZES.tiny, expand(layout.group_size, layout.bits), layout, false),
    );
    const features = [packed, expanded].map(({ deps: { model } }) =>
      mx.tidy(() => model.encoder.forward(mx.random.normal([1, 3000, 80], { key: mx.random.key(1) }))),
    );
    const [got, want] = features.map((x) => Array.from(x.toTypedArray(), Number));
    const scale = Math.max(...(want ?? []).map(Math.abs));
    const worst = Math.max(...(want ?? []).map((x, i) => Math.abs(x - (got?.[i] ?? NaN))));
    expect(worst / scale).toBeLessThan(1e-4);
    const bytes = [packed, expanded].map(({ deps: { model } }) =>
      model.parameters().reduce((total, { nbytes }) => total + nbytes, 0),
    );
    expect(bytes[0]).toBeLessThan((bytes[1] ?? 0) / 2);
    mx.dispose(features);
    packed.dispose();
    expanded.dispose();
  });
});

describe('a damaged model directory', () => {
  const refuses = async (dir: string, code: string, ...names: (string | RegExp)[]): Promise<void> => {
    const live = mx.liveArrays();
    const loading = loadRecognizer(dir);
    await expect(loading).rejects.toMatchObject({ name: 'SottoError', code });
    for (const name of names) await expect(loading).rejects.toThrow(name);
    expect(mx.liveArrays()).toBe(live);
  };

  test('names a missing tensor', async () => {
    const dir = randomModel(
      'missing',
      SIZES.tiny,
      (weights) => delete weights['decoder.blocks.2.cross_attn.key.weight'],
    );
    await refuses(dir, 'MODEL_CORRUPT', 'decoder.blocks.2.cross_attn.key.weight', 'missing');
  });
  test('names an unexpected tensor', async () => {
    const dir = randomModel('extra', SIZES.tiny, (weights) => {
      weights['encoder.blocks.9.attn.key.weight'] = mx.zeros([64, 64]);
    });
    await refuses(dir, 'MODEL_CORRUPT', 'encoder.blocks.9.attn.key.weight', 'unexpected');
  });
  test('names a tensor with a wrong shape', async () => {
    const dir = randomModel('shape', SIZES.tiny, (weights) => {
      weights['decoder.ln.weight'] = mx.zeros([65]);
    });
    await refuses(dir, 'MODEL_CORRUPT', 'decoder.ln.weight');
  });
  test('reports a damaged header', async () => {
    const dir = randomModel('header', SIZES.tiny);
    writeFileSync(join(dir, 'weights.safetensors'), 'not a model at all, but longer than eight bytes');
    await refuses(dir, 'MODEL_CORRUPT', 'weights.safetensors');
  });
  test('reports missing weights', async () => {
    const dir = randomModel('gone', SIZES.tiny);
    rmSync(join(dir, 'weights.safetensors'));
    await refuses(dir, 'MODEL_CORRUPT', 'weights.safetensors');
    writeFileSync(join(dir, 'weights.npz'), '');
    await refuses(dir, 'MODEL_CORRUPT', 'weights.npz');
  });
  test('reports an invalid config', async () => {
    const dir = randomModel('config', SIZES.tiny);
    writeFileSync(join(dir, 'config.json'), '{"model_type": "whisper", "n_mels": 80');
    await refuses(dir, 'MODEL_CORRUPT', 'config.json');
    writeFileSync(join(dir, 'config.json'), '{"model_type": "whisper", "n_mels": 80}');
    await refuses(dir, 'MODEL_UNSUPPORTED', 'n_audio_ctx');
    writeFileSync(join(dir, 'config.json'), '{"model_type": "llama"}');
    await refuses(dir, 'MODEL_UNSUPPORTED', 'llama');
    rmSync(join(dir, 'config.json'));
    await refuses(dir, 'MODEL_NOT_FOUND', 'config.json');
  });
  test('reports a missing directory', () => refuses(join(folder, 'nowhere'), 'MODEL_NOT_FOUND', 'nowhere'));

  test('accepts the alignment heads of mlx-community', async () => {
    const dir = randomModel('heads', SIZES.tiny, (weights) => {
      weights.alignment_heads = mx.zeros([6, 2], 'int32');
    });
    (await loadRecognizer(dir)).dispose();
  });
});

describe('loading', () => {
  test('reports progress and can be cancelled', async () => {
    const dir = randomModel('progress', SIZES.tiny);
    const seen: number[] = [];
    (await loadRecognizer(dir, { onProgress: (fraction) => seen.push(fraction) })).dispose();
    expect(seen).toEqual([...seen].sort((a, b) => a - b));
    expect(seen.at(-1)).toBe(1);
    const live = mx.liveArrays();
    await expect(loadRecognizer(dir, { signal: AbortSignal.abort() })).rejects.toMatchObject({
      code: 'CANCELLED',
    });
    expect(mx.liveArrays()).toBe(live);
  });
});

describe('transcribing', () => {
  let model: Awaited<ReturnType<typeof loadRecognizer>>;
  beforeAll(async () => {
    model = await loadRecognizer(randomModel('loop', SIZES.tiny));
  });
  afterAll(() => model.dispose());

  test('keeps events in order: language first, segments forward in time, progress to the end', async () => {
    const { events, result } = await collect(model, 65);
    expect(events[0]?.type).toBe('language');
    expect(events.filter(({ type }) => type === 'language').length).toBe(1);
    const segments = events.flatMap((event) => (event.type === 'segment' ? [event.segment] : []));
    expect(segments).toEqual(result.segments);
    for (const { start, end } of segments) expect(end).toBeGreaterThan(start);
    const progress = events.flatMap((event) => (event.type === 'progress' ? [event.seconds] : []));
    expect(progress).toEqual([...progress].sort((a, b) => a - b));
    expect(progress.at(-1)).toBe(65);
    expect(result.durationSeconds).toBe(65);
  });

  test('the same audio gives the same text, sampled or not', async () => {
    const run = async (seed: number) => {
      const options = { temperature: [0.8], whisper: { seed }, vad: false };
      const events = model.transcribe(streamOf(oneSecond()), options, new AbortController().signal);
      for (;;) {
        const { value, done } = await events.next();
        if (done === true) return value.text;
      }
    };
    const [a, b, c] = [await run(1), await run(1), await run(2)];
    expect(a).toBe(b);
    expect(a).not.toBe(c);
  });

  test('stops within one step of cancellation and frees all arrays', async () => {
    const live = mx.liveArrays();
    for (const stopAt of ['language', 'text', 'progress']) {
      const controller = new AbortController();
      const run = model.transcribe(streamOf(oneSecond()), { vad: false }, controller.signal);
      const seen: string[] = [];
      const drained = (async () => {
        for await (const { type } of run) {
          seen.push(type);
          if (type === stopAt) controller.abort();
        }
      })();
      if (stopAt === 'progress') await drained.catch(() => undefined);
      else await expect(drained).rejects.toMatchObject({ code: 'CANCELLED' });
      expect(seen.lastIndexOf(stopAt)).toBe(seen.length - 1);
      expect(mx.liveArrays()).toBe(live);
    }
  });

  test('yields to the event loop between encoder blocks and between tokens', async () => {
    let turns = 0;
    let timer = setImmediate(function again() {
      turns++;
      timer = setImmediate(again);
    });
    const at: { type: string; turns: number }[] = [];
    const events = model.transcribe(
      streamOf(oneSecond()),
      { temperature: [0], vad: false },
      new AbortController().signal,
    );
    for await (const { type } of events) at.push({ type, turns });
    clearImmediate(timer);
    expect(at[0]?.type).toBe('language');
    expect(at[0]?.turns).toBeGreaterThanOrEqual(SIZES.tiny.n_audio_layer);
    const texts = at.filter(({ type }) => type === 'text');
    expect(texts.length).toBeGreaterThan(3);
    expect(new Set(texts.map((text) => text.turns)).size).toBe(texts.length);
  });

  test('frees all arrays when the consumer stops', async () => {
    const live = mx.liveArrays();
    for (const stopAt of ['language', 'text']) {
      for await (const { type } of model.transcribe(
        streamOf(oneSecond()),
        { vad: false },
        new AbortController().signal,
      )) {
        if (type === stopAt) break;
      }
      expect(mx.liveArrays()).toBe(live);
    }
  });

  test('a failing source fails the transcription and frees all arrays', async () => {
    const live = mx.liveArrays();
    async function* broken(): AsyncGenerator<Float32Array> {
      yield await Promise.resolve(oneSecond());
      throw new Error('the file ends early');
    }
    const run = model.transcribe(
      { durationSeconds: 2, samples: broken() },
      { vad: false },
      new AbortController().signal,
    );
    await expect(run.next()).rejects.toThrow('the file ends early');
    expect(mx.liveArrays()).toBe(live);
  });

  test('no audio gives no text', async () => {
    const run = model.transcribe(streamOf(new Float32Array(100)), {}, new AbortController().signal);
    const types: string[] = [];
    let step = await run.next();
    for (; step.done !== true; step = await run.next()) types.push(step.value.type);
    expect(types).toEqual(['progress']); // to the end
    expect(step.value).toMatchObject({ text: '', segments: [] });
  });

  test('rejects an unsupported language', async () => {
    const run = model.transcribe(streamOf(oneSecond()), { language: 'tlh' }, new AbortController().signal);
    await expect(run.next()).rejects.toMatchObject({ code: 'INVALID_ARGUMENT' });
  });

  test('accepts a prompt longer than the context', async () => {
    const initialPrompt = 'word '.repeat(100);
    const run = model.transcribe(
      streamOf(oneSecond()),
      { initialPrompt, temperature: [0], timestamps: false, vad: false },
      new AbortController().signal,
    );
    for (;;) {
      const { value, done } = await run.next();
      if (done !== true) continue;
      expect(value.text).not.toContain('word word word word');
      break;
    }
  });

  test('weights that give NaN are a crash, not silence', async () => {
    const dir = randomModel('nan', SIZES.tiny, (weights) => {
      weights['encoder.ln_post.weight'] = mx.full([64], NaN, 'float16');
    });
    const broken = await loadRecognizer(dir);
    const run = broken.transcribe(streamOf(oneSecond()), { vad: false }, new AbortController().signal);
    await expect(run.next()).rejects.toMatchObject({ code: 'ENGINE_CRASHED' });
    broken.dispose();
  });
});

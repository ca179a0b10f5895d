/** Codes of s3tokenizer, whole and in windows, alone and in batches. */
import { renameSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from '@jest/globals';

import { scaledMel } from '#daemon/models/audio-encoder/scaled-mel.js';
import { networkOf } from '#daemon/models/checkpoint/checkpoint-network.js';
import { loadS3 } from '#daemon/models/codecs/s3/load-s3.js';
import { RecordedMel } from '#daemon/models/codecs/s3/recorded-mel.js';
import { openS3Checkpoint, readS3Config } from '#daemon/models/codecs/s3/s3-checkpoint.js';
import { s3Codes, s3CodesOfStream } from '#daemon/models/codecs/s3/s3-encode.js';
import { S3Tokenizer } from '#daemon/models/codecs/s3/s3-network.js';
import { s3Windows } from '#daemon/models/codecs/s3/s3-windows.js';
import { encodeAll } from '#daemon/models/encode-all.js';
import { familyOf, footprintOf, loadModel } from '#daemon/models/registry.js';
import { asCodec, asDecoder } from '#daemon/models/speech-model.js';
import { mx, type MxArray } from '#native/index.js';

import { editJson, emptyDir } from '../checkpoint/checkpoint-dirs.js';
import { editArrays } from '../checkpoint/edit-arrays.js';
import { streamOf } from '../model-fixtures.js';
import {
  allCodes,
  codecDir,
  distance,
  expectedOf,
  peak,
  streamed,
  unpacked,
  type Packed,
} from './codec-fixtures.js';
import { noisySamples } from './vocoder-inputs.js';

const NAMES = ['s3-v1-50hz', 's3-v1-25hz', 's3-v2-25hz', 's3-v3-25hz'] as const;

interface Case {
  readonly samples: number;
  readonly codes: number[];
  /** Codes that a rounding error may change: their two best candidates are within 1e-5. */
  readonly close: number[];
  readonly mel?: Packed;
  readonly latents?: Packed;
}

interface Expected {
  readonly cases: readonly Case[];
  readonly batch: readonly { readonly span: readonly [number, number]; readonly codes: number[] }[];
  readonly long: readonly { readonly samples: number; readonly codes: number[] }[];
  readonly lost: { readonly samples: number; readonly codes: number[] };
}

const { signal } = new AbortController();
const sound = noisySamples(70 * 16_000);

/** As in make-s3-fixtures.py: the first half is much quieter than the second. */
function rising(count: number): Float32Array {
  const audio = sound.slice(0, count);
  for (let i = 0; i < Math.floor(count / 2); i++) audio[i] = (audio[i] ?? 0) / 1000;
  return audio;
}

async function plainNetwork(dir: string): Promise<S3Tokenizer> {
  const checkpoint = await openS3Checkpoint(dir, await readS3Config(dir));
  try {
    return await networkOf(checkpoint, (config) => new S3Tokenizer(config));
  } finally {
    checkpoint.close();
  }
}

function expectCodes(found: readonly number[], { codes, close }: Pick<Case, 'codes' | 'close'>): void {
  expect(found).toHaveLength(codes.length);
  const other = found.flatMap((code, i) => (code === codes[i] ? [] : [i]));
  expect(other.filter((i) => !close.includes(i))).toEqual([]);
}

const codesOf = async (network: S3Tokenizer, samples: Float32Array): Promise<number[]> => {
  const { codes, samples: count } = await allCodes(s3CodesOfStream(network, streamed(samples, 4321), signal));
  expect(count).toBe(samples.length);
  expect(codes).toHaveLength(1);
  return codes[0] ?? [];
};

describe.each(NAMES)('%s', (name) => {
  const expected = expectedOf<Expected>(name);

  test.each(['plain', 'fused'])('has the mel, latents and codes of s3tokenizer: %s', async (form) => {
    const live = mx.liveArrays();
    const network = await (form === 'plain' ? plainNetwork(codecDir(name)) : loadS3(codecDir(name)));
    for (const { samples, mel, latents, ...codes } of expected.cases) {
      const audio = sound.slice(0, samples);
      expectCodes(await codesOf(network, audio), codes);
      if (mel === undefined || latents === undefined) continue;
      const recorded = new RecordedMel();
      recorded.push(audio);
      recorded.end();
      const raw = mx.array(recorded.rawFrames(0, recorded.frames), [1, recorded.frames, recorded.bands]);
      const input = mx.tidy(() => scaledMel(raw, recorded.peak));
      raw.dispose();
      recorded.dispose();
      expect(distance(input.toTypedArray('float32'), unpacked(mel))).toBeLessThan(1e-4);
      const found = mx.tidy(() => {
        const steps = network.encoder.steps();
        return steps.reduce((x: MxArray, step) => step(x), input).toTypedArray('float32');
      });
      input.dispose();
      expect(distance(found, unpacked(latents))).toBeLessThan(1e-4 * peak(unpacked(latents)));
    }
    network.dispose();
    expect(mx.liveArrays()).toBe(live);
  });

  test('signals of unequal lengths have in one batch the codes that they have alone', async () => {
    const network = await loadS3(codecDir(name));
    const signals = expected.batch.map(({ span: [from, to] }) => sound.slice(from, to));
    const live = mx.liveArrays();
    const found = await s3Codes(network, signals, signal);
    expect(mx.liveArrays()).toBe(live);
    for (const [i, codes] of found.entries()) {
      expect(codes).toEqual(expected.batch[i]?.codes);
      expect(await codesOf(network, signals[i] ?? new Float32Array())).toEqual(codes);
    }
    network.dispose();
  });

  test('long audio has the codes of s3tokenizer, window by window and in batches', async () => {
    const network = await loadS3(codecDir(name));
    for (const { samples, codes } of expected.long) {
      expect(await codesOf(network, rising(samples))).toEqual(codes);
    }
    const [longest] = expected.long.slice(-1);
    const signals = [rising(longest?.samples ?? 0), sound.slice(0, 9999)];
    const [found, short] = await s3Codes(network, signals, signal);
    expect(found).toEqual(longest?.codes);
    expect(short).toEqual(await codesOf(network, sound.slice(0, 9999)));
    network.dispose();
  });

  test('loses nothing where the reference loses the last 2 s', async () => {
    const network = await loadS3(codecDir(name));
    const { samples, codes } = expected.lost;
    const found = await codesOf(network, rising(samples));
    const perSecond = name === 's3-v1-50hz' ? 50 : 25;
    expect(codes).toHaveLength(51 * perSecond);
    expect(found).toHaveLength(53 * perSecond);
    expect(found.slice(0, codes.length)).toEqual(codes);
    network.dispose();
  });

  test('can be cancelled, ended early and warmed up, and frees everything', async () => {
    const model = asCodec(await loadModel(codecDir(name)));
    const live = mx.liveArrays();
    const controller = new AbortController();
    const next = model.encode(streamOf(rising(500_000)), {}, controller.signal).next();
    setImmediate(() => controller.abort());
    await expect(next).rejects.toMatchObject({ code: 'CANCELLED' });
    for await (const _ of model.encode(streamOf(rising(500_000)), {}, signal)) break;
    expect(await model.warmUp?.(signal, () => undefined)).toEqual({});
    expect(mx.liveArrays()).toBe(live);
    model.dispose();
  });

  test('device memory does not grow with the length, and is predicted', async () => {
    const { weightBytes, workBytes } = await footprintOf(codecDir(name));
    const model = asCodec(await loadModel(codecDir(name)));
    expect(model.weightBytes).toBe(weightBytes);
    const peakOf = async (samples: number): Promise<number> => {
      mx.memory.resetPeak();
      const before = mx.memory.active();
      await encodeAll(model, streamOf(rising(samples)), {}, signal);
      return mx.memory.peak() - before;
    };
    const [short, long] = [await peakOf(31 * 16_000), await peakOf(70 * 16_000)];
    expect(long).toBeLessThan(1.25 * short); // it depends a little on when an array is freed
    expect(long).toBeLessThan(workBytes);
    model.dispose();
  });

  test('converted, it has the same codes and another layout', async () => {
    const [dir, out] = [codecDir(name), emptyDir()];
    const family = await familyOf(dir);
    await family.convert(dir, out, { dtype: 'float32' }, {});
    const [before, after] = [await family.inspect(dir, {}), await family.inspect(out, {})];
    expect(before.layout).toBe('s3tokenizer');
    expect(after).toEqual({ ...before, layout: 'mlx' });
    const [first, second] = [await loadS3(dir), await loadS3(out)];
    const audio = sound.slice(0, 12_345);
    expect(await s3Codes(second, [audio], signal)).toEqual(await s3Codes(first, [audio], signal));
    first.dispose();
    second.dispose();
    await expect(family.convert(dir, emptyDir(), { dtype: 'float16', bits: 4 }, {})).rejects.toThrow(
      'quantized',
    );
  });
});

test('the weights of another version are refused, and positions that are no sinusoids', async () => {
  for (const [name, other] of [
    ['s3-v1-25hz', 'speech_tokenizer_v2_25hz'],
    ['s3-v2-25hz', 'speech_tokenizer_v1'],
    ['s3-v2-25hz', 'speech_tokenizer_v4'],
  ] as const) {
    const dir = codecDir(name);
    editJson(join(dir, 'config.json'), (json) => (json.name = other));
    await expect(loadModel(dir)).rejects.toMatchObject({ code: expect.stringMatching(/^MODEL_/) as unknown });
  }
  const dir = codecDir('s3-v1-25hz');
  editArrays(dir, (arrays) => {
    const positions = arrays['encoder.positional_embedding'];
    if (positions) arrays['encoder.positional_embedding'] = mx.zeros(positions.shape);
  });
  await expect(loadModel(dir)).rejects.toThrow('are not the sinusoids [750, 64]');
});

test('the names of mlx-audio give the same codes', async () => {
  const [dir, other] = [codecDir('s3-v2-25hz'), codecDir('s3-v2-25hz')];
  rmSync(join(other, 'model.safetensors'));
  renameSync(join(other, 'mlx-audio.safetensors'), join(other, 'model.safetensors'));
  const [first, second] = [await plainNetwork(dir), await plainNetwork(other)];
  const wanted = first.namedParameters();
  for (const [name, array] of second.namedParameters()) {
    expect(array.toTypedArray('float32')).toEqual(wanted.get(name)?.toTypedArray('float32'));
  }
  expect(second.namedParameters().size).toBe(wanted.size);
  first.dispose();
  second.dispose();
});

test('decoding is refused: the codes have no decoder', async () => {
  const model = asCodec(await loadModel(codecDir('s3-v2-25hz')));
  expect(model.capabilities.codec).toEqual({
    sampleRate: 16_000,
    codebooks: 1,
    codebookSize: 6561,
    framesPerSecond: 25,
    encodesOnly: true,
  });
  expect(() => asDecoder(model)).toThrow('no decoder of their own; a voice turns them into sound');
  const decoding = model.decode({ codes: [[1]], samples: 640 }, signal).next();
  await expect(decoding).rejects.toMatchObject({ code: 'MODEL_UNSUPPORTED' });
  const encoding = model.encode(streamOf(sound.slice(0, 640)), { codebooks: 2 }, signal).next();
  await expect(encoding).rejects.toMatchObject({ code: 'INVALID_ARGUMENT' });
  model.dispose();
});

test('empty audio has no codes, and audio of many hours is refused', async () => {
  const network = await loadS3(codecDir('s3-v3-25hz'));
  expect(await s3Codes(network, [new Float32Array(), sound.slice(0, 640)], signal)).toMatchObject([
    [],
    { length: 1 },
  ]);
  expect(await allCodes(s3CodesOfStream(network, streamed(new Float32Array()), signal))).toEqual({
    codes: [],
    samples: 0,
  });
  const mel = new RecordedMel();
  expect(() => mel.push(new Float32Array(4 * 3600 * 16_000 + 1))).toThrow('longer than 4 hours');
  mel.dispose();
  network.dispose();
});

test('windows overlap by 4 s, and every frame is kept once', () => {
  for (const total of [1, 2999, 3000, 3001, 3199, 5600, 5601, 6100, 100_000]) {
    const kept = s3Windows(total).map(({ start, end, head, tail }) => [start + head, end - tail]);
    expect(kept[0]?.[0]).toBe(0);
    expect(kept.at(-1)?.[1]).toBe(total);
    for (const [i, [from]] of kept.slice(1).entries()) expect(from).toBe(kept[i]?.[1]);
  }
});

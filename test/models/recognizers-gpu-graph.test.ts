/**
 * The graphs for a GPU of the families beside Whisper, inspected on the CPU without our kernels: the dtypes that a 16-bit model
 * computes in, the ops of a step, and that building a step waits for nothing.
 */
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, jest, test } from '@jest/globals';

import { melFramesOf, pastFrames } from '#daemon/models/conformer/causal-config.js';
import { fusedMoonshine } from '#daemon/models/moonshine/fused-moonshine.js';
import { parseConfig as moonshineConfig } from '#daemon/models/moonshine/moonshine-config.js';
import { Moonshine } from '#daemon/models/moonshine/moonshine-network.js';
import { fusedNemotron } from '#daemon/models/nemotron/fused-nemotron.js';
import { parseConfig as nemotronConfig } from '#daemon/models/nemotron/nemotron-config.js';
import { Nemotron } from '#daemon/models/nemotron/nemotron-network.js';
import { fusedParakeet } from '#daemon/models/parakeet/fused-parakeet.js';
import { parseConfig as parakeetConfig } from '#daemon/models/parakeet/parakeet-config.js';
import { Parakeet } from '#daemon/models/parakeet/parakeet-network.js';
import { transducerOf } from '#daemon/models/parakeet/parakeet-transducer.js';
import { loadRecognizer } from '#daemon/models/registry.js';
import { fusedWav2Vec2 } from '#daemon/models/wav2vec2/fused-wav2vec2.js';
import { parseWav2Vec2Config } from '#daemon/models/wav2vec2/wav2vec2-config.js';
import { Wav2Vec2 } from '#daemon/models/wav2vec2/wav2vec2-network.js';
import { mx, type Dtype, type MxArray } from '#native/index.js';
import * as nn from '#native/nn/index.js';

import { unpackedDir } from './checkpoint/checkpoint-dirs.js';
import { buildAsOnGpu, opsBeyond } from './gpu-mocks.js';
import { root, streamOf } from './model-fixtures.js';
import { floatsOf, recorded, type RecordedOp } from './recorded-ops.js';

afterEach(() => {
  jest.restoreAllMocks();
});

describe('loaded as on a GPU, a model runs in 16 bits and finds the same tokens', () => {
  const samples = Float32Array.from({ length: 50_000 }, (_, n) => 0.3 * Math.sin(1e-5 * n * n));

  async function transcribed(dir: string): Promise<{ tokens: number[]; dtypes: Set<string> }> {
    const model = await loadRecognizer(dir);
    const tokens: number[] = [];
    const dtypes = new Set<string>();
    const layerNorm = mx.fast.layerNorm.bind(mx.fast);
    const norms = jest.spyOn(mx.fast, 'layerNorm').mockImplementation((...args) => {
      const normed = layerNorm(...args);
      dtypes.add(normed.dtype);
      return normed;
    });
    try {
      const run = model.transcribe(streamOf(samples), { vad: false }, new AbortController().signal);
      for await (const event of run) {
        if (event.type === 'segment') tokens.push(...(event.segment.tokens ?? []));
      }
    } finally {
      norms.mockRestore();
      model.dispose();
    }
    return { tokens, dtypes };
  }

  // A positional convolution of 16 bits is slow without a GPU, so that no large one is here.
  test.each([
    ['moonshine/odd-rotary', 'float16'],
    ['parakeet/ctc-huggingface', 'float16'],
    ['parakeet/tdt-huggingface', 'float16'],
    ['nemotron/languages', 'float16'],
    ['wav2vec2/large-stable', 'float16'],
  ])('%s', async (fixture, dtype) => {
    const dir = unpackedDir(join(root, 'test/fixtures', fixture));
    const { tokens } = await transcribed(dir);
    jest.spyOn(mx.cpu, 'available').mockReturnValue(false);
    jest.spyOn(mx, 'defaultDevice').mockReturnValue('gpu');
    const live = mx.liveArrays();
    const onGpu = await transcribed(dir);
    expect(mx.liveArrays()).toBe(live);
    expect(onGpu.dtypes).toContain(dtype);
    // Rounding changes later choices of a random network.
    expect(onGpu.tokens.slice(0, 8)).toEqual(tokens.slice(0, 8));
  });
});

/** A network of a published size whose weights are never evaluated, quantized and cast as for a GPU. */
function unevaluated<Model extends nn.Module & { toDtype(dtype: Dtype): unknown }>(
  network: Model,
  fusion: nn.Fusion,
  dtype: Dtype,
  quantization?: { groupSize: number; bits: number },
): Model {
  if (quantization) nn.quantize(network, { ...quantization, empty: true });
  nn.fuse(network, fusion);
  network.toDtype(dtype);
  return network;
}

/** Records a step: it waits for nothing, and its ops are those beyond the inputs. */
function stepOf(
  network: nn.Module,
  inputs: readonly MxArray[],
  step: () => MxArray[],
): { made: RecordedOp[]; ops: number } {
  const { result, made, reads } = recorded(step);
  expect(reads).toBe(0);
  return { made, ops: opsBeyond([...network.parameters(), ...inputs], result) };
}

/** Results of another dtype, without repeats. */
function otherThan(dtype: Dtype, made: readonly RecordedOp[]): string[] {
  const wide = floatsOf(made).filter((op) => op.dtype !== dtype);
  return [...new Set(wide.map(({ op, dtype: found, size }) => `${op} ${found} ${size}`))].sort();
}

const products = (made: readonly RecordedOp[]): Set<string> =>
  new Set(made.map(({ op }) => op).filter((op) => /matmul|addmm/i.test(op)));

describe('at a published size', () => {
  beforeEach(() => {
    buildAsOnGpu();
  });

  test.each([
    { name: 'tiny', width: 288, layers: 6, factor: 0.9, token: 399, audio: 391 },
    { name: 'base', width: 416, layers: 8, factor: 0.62, token: 525, audio: 515 },
  ])('Moonshine $name: few ops for a token and for 10 s', ({ width, layers, factor, token, audio }) => {
    const config = moonshineConfig({
      model_type: 'moonshine',
      vocab_size: 32_768,
      hidden_size: width,
      intermediate_size: 4 * width,
      encoder_num_hidden_layers: layers,
      decoder_num_hidden_layers: layers,
      encoder_num_attention_heads: 8,
      decoder_num_attention_heads: 8,
      partial_rotary_factor: factor,
    });
    const quantization = { groupSize: 32, bits: 8 };
    const network = unevaluated(new Moonshine(config), fusedMoonshine, 'float16', quantization);
    mx.tidy(() => {
      const { encoder, decoder } = network;
      const samples = mx.zeros([1, 160_000], 'float16');
      const encoding = stepOf(network, [samples], () => {
        const features = encoder.forward(samples);
        return decoder.layers.flatMap((layer) => [...layer.crossKeysValues(features)]);
      });
      const shape = [1, config.heads, 415, width / config.heads];
      const keysValues = decoder.layers.map(
        () => [mx.zeros(shape, 'float16'), mx.zeros(shape, 'float16')] as const,
      );
      const caches = decoder.layers.map(() => nn.selfAttentionCache(64));
      const last = mx.array(Int32Array.of(1), [1, 1]);
      const choose = (): MxArray[] => {
        const hidden = decoder.forward(last, caches, keysValues);
        return [...nn.argmax(decoder.logits(mx.reshape(hidden, [1, -1])))];
      };
      const first = choose(); // the caches exist from the first token on
      const step = stepOf(network, [last, ...keysValues.flat(), ...first], choose);
      expect(otherThan('float16', encoding.made)).toEqual([]);
      expect(otherThan('float16', step.made)).toEqual(['astype float32 32768']); // the logits
      expect(products(encoding.made)).toEqual(new Set(['quantizedMatmul']));
      expect(products(step.made)).toEqual(new Set(['quantizedMatmul']));
      expect(step.ops).toBeLessThanOrEqual(token);
      expect(encoding.ops).toBeLessThanOrEqual(audio);
      for (const cache of caches) cache.dispose();
    });
    network.dispose();
  });

  test.each([
    {
      name: '0.6B TDT',
      layers: 24,
      width: 1024,
      bands: 128,
      scaled: false,
      dtype: 'float16',
      bits: 8,
      audio: 1128,
      token: 36,
      frames: 17,
    },
    {
      name: '110M TDT',
      layers: 17,
      width: 512,
      bands: 80,
      scaled: true,
      dtype: 'bfloat16',
      bits: undefined,
      audio: 1497,
      token: 20,
      frames: 18,
    },
  ] as const)(
    'Parakeet $name',
    async ({ layers, width, bands, scaled, dtype, bits, audio, token, frames }) => {
      const config = parakeetConfig({
        model_type: 'parakeet_tdt',
        vocab_size: 1025,
        blank_token_id: 1024,
        decoder_hidden_size: 640,
        num_decoder_layers: scaled ? 1 : 2,
        encoder_config: {
          hidden_size: width,
          num_hidden_layers: layers,
          num_attention_heads: 8,
          intermediate_size: 4 * width,
          num_mel_bins: bands,
          scale_input: scaled,
          attention_bias: scaled,
          convolution_bias: scaled,
        },
      });
      const quantization = bits && { groupSize: 64, bits };
      const network = unevaluated(new Parakeet(config), fusedParakeet, dtype, quantization);
      const transducer = transducerOf(network);
      if (transducer === undefined) throw new Error('no transducer');
      const mel = mx.zeros([1, 1000, bands], dtype);
      const encoding = mx.tidy(() => stepOf(network, [mel], () => [network.encoder.forward(mel)]));
      const before = transducer.predict(1024);
      const inputs = [before.projected, ...before.state.flatMap(({ output, cell }) => [output, cell])];
      const prediction = mx.tidy(() =>
        stepOf(network, inputs, () => {
          const { projected, state } = transducer.predict(7, before);
          return [projected, ...state.flatMap(({ output, cell }) => [output, cell])];
        }),
      );
      const scored = mx.zeros([8, 640], dtype);
      const queued: MxArray[] = [];
      const ready = jest.spyOn(mx, 'ready').mockImplementation((...arrays) => {
        queued.push(...arrays);
        return Promise.reject(new Error('counted, not run'));
      });
      await expect(transducer.choose(scored, before)).rejects.toThrow('counted, not run');
      expect(ready).toHaveBeenCalledTimes(1);
      const choice = opsBeyond([...network.parameters(), ...inputs, scored], queued);
      // The angles of the positions are computed in float32.
      const angles = ['arange', 'cos', 'exp', 'multiply', 'reshape', 'sin', 'stack'];
      expect(new Set(otherThan(dtype, encoding.made).map((op) => op.split(' ')[0]))).toEqual(new Set(angles));
      expect(otherThan(dtype, prediction.made)).toEqual([]);
      expect(products(encoding.made)).toContain(bits === undefined ? 'addmm' : 'quantizedMatmul');
      expect(encoding.ops).toBeLessThanOrEqual(audio);
      expect(prediction.ops).toBeLessThanOrEqual(token);
      expect(choice).toBeLessThanOrEqual(frames);
      network.dispose();
    },
  );

  test('Nemotron: a live step of 560 ms', () => {
    const config = nemotronConfig({
      model_type: 'nemotron_asr_streaming',
      encoder_config: {
        num_mel_bins: 128,
        scale_input: false,
        attention_bias: false,
        convolution_bias: false,
      },
    });
    const network = unevaluated(new Nemotron(config), fusedNemotron, 'float16', { groupSize: 64, bits: 8 });
    const { encoder } = network;
    const chunk = 7;
    mx.tidy(() => {
      const cached = pastFrames(config.encoder, chunk);
      const start = encoder.startWithin('float16');
      const layers = start.layers.map(({ convolution }) => ({
        convolution,
        attention: mx.zeros([1, cached, 2 * config.encoder.dims], 'float16'),
      }));
      const positions = encoder.positions(chunk, cached, chunk, 'float16');
      const mel = mx.zeros([1, melFramesOf(2, chunk) - melFramesOf(1, chunk), 128], 'float16');
      const inputs = [
        mel,
        ...start.subsampling,
        ...layers.flatMap(({ attention, convolution }) => [attention, convolution]),
        ...positions.map(({ distances }) => distances),
      ];
      const step = stepOf(network, inputs, () => {
        const [x, subsampling] = encoder.embed(mel, start.subsampling, false);
        const [y, after] = encoder.forward(x, positions, layers);
        const states = after.flatMap(({ attention, convolution }) => [attention, convolution]);
        return [y, ...subsampling, ...states.filter((array) => array !== undefined)];
      });
      expect(otherThan('float16', step.made)).toEqual([]);
      expect(products(step.made)).toContain('quantizedMatmul');
      expect(step.ops).toBeLessThanOrEqual(1332);
    });
    network.dispose();
  });

  test.each([
    // The group norm over all frames needs its mean and variance in float32.
    { name: 'base', fields: {}, statistics: ['astype', 'subtract', 'transpose'], ops: 248 },
    {
      name: 'lv60',
      fields: {
        hidden_size: 1024,
        num_hidden_layers: 24,
        num_attention_heads: 16,
        intermediate_size: 4096,
        feat_extract_norm: 'layer',
        conv_bias: true,
        do_stable_layer_norm: true,
      },
      statistics: [],
      ops: 423,
    },
  ])('Wav2Vec2 $name: few ops for 10 s', ({ fields, statistics, ops }) => {
    const config = parseWav2Vec2Config({ model_type: 'wav2vec2', ...fields });
    const network = unevaluated(new Wav2Vec2(config), fusedWav2Vec2, 'float16', { groupSize: 64, bits: 8 });
    mx.tidy(() => {
      const samples = mx.zeros([1, 160_000, 1], 'float16');
      const step = stepOf(network, [samples], () => [network.forward(samples)]);
      const wide = floatsOf(step.made).filter(({ dtype, size }) => dtype === 'float32' && size > 5120);
      expect(wide.map(({ op }) => op)).toEqual(statistics);
      expect(products(step.made)).toContain('quantizedMatmul');
      expect(step.ops).toBeLessThanOrEqual(ops);
    });
    network.dispose();
  });
});

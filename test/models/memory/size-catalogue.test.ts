/** The catalog's sizes of Parakeet and Wav2Vec2 are those of their networks, which are never evaluated. */
import { expect, test } from '@jest/globals';

import type { ParakeetConfig } from '#daemon/models/parakeet/parakeet-config.js';
import { Parakeet } from '#daemon/models/parakeet/parakeet-network.js';
import { parseWav2Vec2Config } from '#daemon/models/wav2vec2/wav2vec2-config.js';
import { Wav2Vec2 } from '#daemon/models/wav2vec2/wav2vec2-network.js';
import { catalogueEntry } from '#daemon/store/catalogue/index.js';
import type { Module } from '#native/nn/index.js';

const sizeOf = (network: Module): number => network.parameters().reduce((sum, { size }) => sum + size, 0);

/** NVIDIA's recipe, with biases unless the model is of the generation of v2. */
function parakeetConfig(name: string): ParakeetConfig {
  const isLater = /v[23]$/.test(name);
  const isSmall = name.endsWith('110m');
  const dims = isSmall ? 512 : 1024;
  const tokens = name.endsWith('v3') ? 8192 : 1024;
  return {
    encoder: {
      bands: isLater ? 128 : 80,
      layers: isSmall ? 17 : name.includes('1.1b') ? 42 : 24,
      dims,
      heads: 8,
      feedForwardDims: 4 * dims,
      kernelSize: 9,
      subsamplingChannels: 256,
      hasBias: !isLater,
      hasConvolutionBias: !isLater,
      isInputScaled: !isLater,
    },
    normalization: 'per feature',
    tokens,
    ...(!name.startsWith('parakeet-ctc') && {
      transducer: {
        encoderDims: dims,
        tokens,
        predictionDims: 640,
        predictionLayers: isSmall ? 1 : 2,
        jointDims: 640,
        activation: 'relu' as const,
        durations: name.includes('rnnt') ? [] : [0, 1, 2, 3, 4],
        maxSymbols: 10,
      },
    }),
    hasCtc: name.includes('ctc'),
  };
}

test.each([
  'parakeet-tdt-0.6b-v3',
  'parakeet-tdt-0.6b-v2',
  'parakeet-tdt_ctc-110m',
  'parakeet-ctc-0.6b',
  'parakeet-rnnt-0.6b',
  'parakeet-tdt-1.1b',
  'parakeet-tdt_ctc-1.1b',
  'parakeet-ctc-1.1b',
  'parakeet-rnnt-1.1b',
])('%s', (name) => {
  const config = parakeetConfig(name);
  using network = new Parakeet(config);
  const entry = catalogueEntry(name);
  expect(entry?.parameters).toBe(sizeOf(network));
  // A published file also has the counters of the norms: 94 thousand numbers.
  if (entry?.bytesSource === 'published') expect(entry.bytes / 4 / entry.parameters).toBeCloseTo(1, 3);
  // Each weight of a layer serves 12.5 frames a second; a live window has 14 s.
  const layer = network.encoder.layers.reduce((sum, part) => sum + sizeOf(part), 0);
  const gigaflop = (2 * layer * 12.5 * 14) / 1e9;
  expect(Math.abs((entry?.liveGigaflop ?? 0) / gigaflop - 1)).toBeLessThan(0.12);
});

const LARGE = {
  model_type: 'wav2vec2',
  hidden_size: 1024,
  num_hidden_layers: 24,
  num_attention_heads: 16,
  intermediate_size: 4096,
  feat_extract_norm: 'layer',
  conv_bias: true,
  do_stable_layer_norm: true,
};

test.each([
  ['wav2vec2-base-960h', { model_type: 'wav2vec2' }],
  ['wav2vec2-large-960h-lv60-self', LARGE],
  [
    'mms-1b-all',
    {
      ...LARGE,
      hidden_size: 1280,
      num_hidden_layers: 48,
      intermediate_size: 5120,
      adapter_attn_dim: 16,
      vocab_size: 154,
    },
  ],
])('%s', (name, config) => {
  using network = new Wav2Vec2(parseWav2Vec2Config(config));
  expect(catalogueEntry(name)?.parameters).toBe(sizeOf(network));
});

/** The fused network computes what the plain one does, as it is loaded and with the CPU kernels. */
import { describe, expect, test } from '@jest/globals';
import { mx, type MxArray } from '#native/index.js';
import * as nn from '#native/nn/index.js';
import { fusedWhisper, fuseSteps } from '#daemon/models/whisper/fused-model.js';
import { Whisper } from '#daemon/models/whisper/model.js';
import type { WhisperConfig } from '#daemon/models/whisper/whisper-config.js';

const CONFIG = {
  ...{ nMels: 80, nAudioCtx: 48, nAudioState: 64, nAudioHead: 2, nAudioLayer: 2 },
  ...{ nVocab: 96, nTextCtx: 32, nTextState: 64, nTextHead: 2, nTextLayer: 2 },
} as unknown as WhisperConfig;

function network(seed: number): Whisper {
  const model = new Whisper(CONFIG);
  let key = seed;
  const weights = [...model.namedParameters().entries()].map(([name, { shape }]): [string, MxArray] => {
    const drawn = mx.random.normal(shape, 'float32', 0, 0.1, mx.random.key(key++));
    return [name, name.endsWith('ln.weight') || name.endsWith('ln_post.weight') ? mx.add(drawn, 1) : drawn];
  });
  model.loadWeights(new Map(weights));
  mx.eval(...model.parameters());
  return model;
}

/** Of the encoder, and of two decoding steps of two rows. */
function outputsOf({ encoder, decoder }: Whisper): Float32Array[] {
  const mel = mx.random.normal([1, 96, 80], 'float32', 0, 1, mx.random.key(99));
  const features = encoder.forward(mel);
  const audio = decoder.blocks.map((block) => block.crossKeysValues(features));
  const caches = decoder.blocks.map(() => nn.selfAttentionCache(CONFIG.nTextCtx));
  const prompt = decoder.forward(mx.array(new Int32Array([1, 2, 3, 4, 5, 6]), [2, 3]), caches, audio);
  const step = decoder.forward(mx.array(new Int32Array([7, 8]), [2, 1]), caches, audio);
  const outputs = [features, prompt, decoder.logits(step)];
  mx.eval(...outputs);
  return outputs.map((output) => Float32Array.from(output.data() as Float32Array));
}

describe.each([
  ['its layers as they are loaded', (model: Whisper) => model],
  [
    'its layers in the layout of the CPU kernels',
    (model: Whisper) => {
      if (nn.canPack()) nn.pack(model);
      mx.eval(...model.parameters());
      fuseSteps(model);
      return model;
    },
  ],
])('the fused network, %s', (_, prepare) => {
  test.each([1, 2, 3])('gives the numbers of the plain one (seed %d)', (seed) => {
    const plain = network(seed);
    const fused = prepare(nn.fuse(network(seed), fusedWhisper));
    const expected = outputsOf(plain);
    for (const [i, output] of outputsOf(fused).entries()) {
      const wanted = expected[i] ?? new Float32Array();
      expect(output).toHaveLength(wanted.length);
      const largest = Math.max(...output.map((value, at) => Math.abs(value - (wanted[at] ?? NaN))));
      expect(largest).toBeLessThan(2e-4);
      expect(Math.max(...wanted.map(Math.abs))).toBeGreaterThan(0.1);
    }
    plain.dispose();
    fused.dispose();
  });
});

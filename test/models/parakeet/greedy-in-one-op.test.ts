/** The CPU kernel walks as the host does, for transducers with and without durations. */
import { expect, test } from '@jest/globals';

import { fusedParakeet } from '#daemon/models/parakeet/fused-parakeet.js';
import { decodeInOneOp } from '#daemon/models/transducer/greedy-in-one-op.js';
import { decodeGreedy } from '#daemon/models/transducer/greedy.js';
import { Transducer } from '#daemon/models/transducer/transducer.js';
import {
  JointNetwork,
  PredictionNetwork,
  type TransducerConfig,
} from '#daemon/models/transducer/transducer-network.js';
import { mx, type MxArray } from '#native/index.js';
import * as nn from '#native/nn/index.js';
import { describeUnless } from '#test/harness/skipping.js';

import { missingKernels } from '../../native/cpu-kernel-cases.js';

class Networks extends nn.Module {
  decoder: PredictionNetwork;
  joint: JointNetwork;

  constructor(config: TransducerConfig) {
    super();
    this.decoder = new PredictionNetwork(config);
    this.joint = new JointNetwork(config);
  }
}

function randomNetworks(config: TransducerConfig, blankBias: number): Networks {
  const networks = new Networks(config);
  let seed = 0;
  const weights = mx.tidy(() =>
    [...networks.namedParameters()].map(([name, { shape }]): [string, MxArray] => {
      const isHead = name === 'joint.joint_net.2.bias';
      const values = mx.random.normal(shape, { scale: isHead ? 0.3 : 0.6, key: mx.random.key(seed++) });
      const raised = mx.multiply(mx.equal(mx.arange(shape[0] ?? 0), config.tokens), blankBias);
      return [name, isHead ? mx.add(values, raised) : values];
    }),
  );
  networks.loadWeights(new Map(weights));
  nn.fuse(networks, fusedParakeet);
  nn.pack(networks);
  networks.toDtype('float32');
  mx.eval(...networks.parameters());
  return networks;
}

const CASES = [
  { durations: [0, 1, 2, 3, 4], maxSymbols: 10, blankBias: 2, activation: 'relu' },
  { durations: [0, 1], maxSymbols: 3, blankBias: 0, activation: 'tanh' },
  { durations: [], maxSymbols: 2, blankBias: 3, activation: 'relu' },
] as const;

describeUnless(missingKernels)('in one op', () => {
  test.each(CASES)('$durations, at most $maxSymbols symbols', async ({ blankBias, ...own }) => {
    const config = {
      encoderDims: 32,
      tokens: 40,
      predictionDims: 32,
      predictionLayers: 2,
      jointDims: 48,
      ...own,
    };
    const networks = randomNetworks(config, blankBias);
    const transducer = new Transducer(config, networks.decoder, networks.joint, 'float32');
    const features = mx.tidy(() => mx.random.normal([101, 32], { key: mx.random.key(9) }));
    const expected = await decodeGreedy(transducer, features);
    const found = (await decodeInOneOp(transducer, features)) ?? [];
    expect(expected.length).toBeGreaterThan(10);
    const places = (all: typeof found) => all.map(({ token, frame, frames }) => [token, frame, frames]);
    expect(places(found)).toEqual(places(expected));
    for (const [i, { logprob }] of found.entries())
      expect(Math.abs(logprob - (expected[i]?.logprob ?? NaN))).toBeLessThan(1e-4);
    features.dispose();
    networks.dispose();
  });
});

/** A transducer with random weights in the layers of the CPU kernel. */
import { fusedParakeet } from '#daemon/models/parakeet/fused-parakeet.js';
import { Transducer } from '#daemon/models/transducer/transducer.js';
import {
  JointNetwork,
  PredictionNetwork,
  type TransducerConfig,
} from '#daemon/models/transducer/transducer-network.js';
import { mx, type Dtype, type MxArray } from '#native/index.js';
import * as nn from '#native/nn/index.js';

class Networks extends nn.Module {
  decoder: PredictionNetwork;
  joint: JointNetwork;

  constructor(readonly config: TransducerConfig) {
    super();
    this.decoder = new PredictionNetwork(config);
    this.joint = new JointNetwork(config);
  }
}

/** Numbers of a network, and the dtype that it is loaded from. */
export interface RandomWeights {
  readonly stored?: Dtype;
  /** Numbers of this dtype, whatever dtype they are stored in. */
  readonly rounded?: Dtype;
}

/** @param blankBias added to the logit of the blank: the larger, the fewer tokens */
export function randomTransducer(
  config: TransducerConfig,
  blankBias: number,
  { stored = 'float32', rounded = stored }: RandomWeights = {},
): Disposable & { readonly transducer: Transducer } {
  const networks = new Networks(config);
  let seed = 0;
  const weights = mx.tidy(() =>
    [...networks.namedParameters()].map(([name, { shape }]): [string, MxArray] => {
      const isHead = name === 'joint.joint_net.2.bias';
      const values = mx.random.normal(shape, { scale: isHead ? 0.3 : 0.6, key: mx.random.key(seed++) });
      const raised = mx.multiply(mx.equal(mx.arange(shape[0] ?? 0), config.tokens), blankBias);
      return [name, mx.astype(mx.astype(isHead ? mx.add(values, raised) : values, rounded), stored)];
    }),
  );
  networks.loadWeights(new Map(weights));
  nn.fuse(networks, fusedParakeet);
  nn.pack(networks);
  networks.toDtype('float32');
  mx.eval(...networks.parameters());
  return {
    transducer: new Transducer(config, networks.decoder, networks.joint, 'float32'),
    [Symbol.dispose]: () => {
      networks.dispose();
    },
  };
}

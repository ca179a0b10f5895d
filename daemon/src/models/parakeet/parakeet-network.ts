/**
 * Parakeet: a FastConformer encoder with a transducer, a CTC head, or both (NVIDIA NeMo). Fields carry the names of NeMo's
 * checkpoints; a CTC head alone is stored as `decoder` there.
 */
import type { Dtype, MxArray } from '#native/index.js';
import * as nn from '#native/nn/index.js';

import { ConformerEncoder } from '../conformer/conformer-encoder.js';
import { JointNetwork, PredictionNetwork } from '../transducer/transducer-network.js';
import type { ParakeetConfig } from './parakeet-config.js';

/** Scores the tokens and the blank at each frame. A convolution of size 1. */
export class CtcHead extends nn.Module {
  decoder_layers: [nn.AnyLinear];

  constructor(dims: number, tokens: number) {
    super();
    this.decoder_layers = [new nn.Linear(dims, tokens + 1)];
  }

  /** [T, D] → logits [T, tokens + blank] */
  forward(features: MxArray): MxArray {
    return this.decoder_layers[0].forward(features);
  }
}

export class Parakeet extends nn.Module {
  encoder: ConformerEncoder;
  decoder: PredictionNetwork | null;
  joint: JointNetwork | null;
  ctc_decoder: CtcHead | null;

  constructor(readonly config: ParakeetConfig) {
    super();
    const { encoder, transducer, hasCtc, tokens } = config;
    this.encoder = new ConformerEncoder(encoder);
    this.decoder = transducer ? new PredictionNetwork(transducer) : null;
    this.joint = transducer ? new JointNetwork(transducer) : null;
    this.ctc_decoder = hasCtc ? new CtcHead(encoder.dims, tokens) : null;
  }

  /** Of the activations: that of the weights that are never quantized. */
  get dtype(): Dtype {
    return this.encoder.layers[0]?.norm_out.weight?.dtype ?? 'float32';
  }

  get nbytes(): number {
    return this.parameters().reduce((sum, { nbytes }) => sum + nbytes, 0);
  }
}

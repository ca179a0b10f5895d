/**
 * Nemotron streaming (NVIDIA): a FastConformer encoder that reads audio in chunks, and a transducer; version 3.5
 * knows the language between the two. Fields carry the names of NeMo's checkpoints.
 */
import { mx, type Dtype, type MxArray } from '#native/index.js';
import * as nn from '#native/nn/index.js';

import { CausalConformerEncoder } from '../conformer/causal-encoder.js';
import { JointNetwork, PredictionNetwork } from '../transducer/transducer-network.js';
import type { NemotronConfig, PromptConfig } from './nemotron-config.js';

export class Nemotron extends nn.Module {
  encoder: CausalConformerEncoder;
  /** Two layers with an activation between them; null for a model of one language. */
  prompt_kernel: [nn.AnyLinear, null, nn.AnyLinear] | null;
  decoder: PredictionNetwork;
  joint: JointNetwork;

  constructor(readonly config: NemotronConfig) {
    super();
    const { encoder, transducer, prompt } = config;
    this.encoder = new CausalConformerEncoder(encoder);
    this.prompt_kernel = prompt === undefined ? null : promptKernel(encoder.dims, prompt);
    this.decoder = new PredictionNetwork(transducer);
    this.joint = new JointNetwork(transducer);
  }

  /** Features [T, D] for a language, [T, D]. @param slot the language's number */
  withLanguage(features: MxArray, slot: number): MxArray {
    const { prompt_kernel: kernel, config } = this;
    if (kernel === null || config.prompt === undefined) return features;
    const { slots } = config.prompt;
    const oneHot = mx.astype(mx.equal(mx.arange(slots), slot), features.dtype);
    const [first, , second] = kernel;
    const joined = mx.concatenate([features, mx.broadcastTo(oneHot, [features.shape[0] ?? 0, slots])], 1);
    return second.forward(nn.relu(first.forward(joined)));
  }

  /** Of the activations: that of the weights that are never quantized. */
  get dtype(): Dtype {
    return this.encoder.layers[0]?.norm_out.weight?.dtype ?? 'float32';
  }

  get nbytes(): number {
    return this.parameters().reduce((sum, { nbytes }) => sum + nbytes, 0);
  }
}

function promptKernel(dims: number, { slots, hiddenDims }: PromptConfig): [nn.Linear, null, nn.Linear] {
  return [new nn.Linear(dims + slots, hiddenDims), null, new nn.Linear(hiddenDims, dims)];
}

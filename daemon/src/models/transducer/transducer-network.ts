/**
 * The networks of a transducer besides its encoder (Graves, arXiv 1211.3711): the prediction network reads the tokens so far,
 * the joint scores the next token from a prediction and a frame. A token-and-duration transducer (Xu et al., arXiv 2304.06795)
 * scores durations too. Fields carry the names of NeMo's checkpoints.
 */
import { mx, type Dtype, type MxArray } from '#native/index.js';
import * as nn from '#native/nn/index.js';

import { Lstm, type AnyLstm, type LstmState } from './lstm.js';

export interface TransducerConfig {
  /** Width of the encoder's features. */
  readonly encoderDims: number;
  /** Tokens without the blank, whose id is this number. */
  readonly tokens: number;
  readonly predictionDims: number;
  readonly predictionLayers: number;
  readonly jointDims: number;
  readonly activation: JointActivation;
  /** Frames that a prediction may skip, for a token-and-duration transducer; empty for others. */
  readonly durations: readonly number[];
  /** Tokens that one frame may emit. */
  readonly maxSymbols: number;
}

export type JointActivation = 'relu' | 'tanh' | 'sigmoid';

/** The prediction after some tokens. */
export interface Prediction {
  /** For the joint: [1, joint dims]. */
  readonly projected: MxArray;
  readonly state: readonly LstmState[];
}

class RecurrentLayers extends nn.Module {
  lstm: AnyLstm[];

  constructor(dims: number, layers: number) {
    super();
    this.lstm = Array.from({ length: layers }, () => new Lstm(dims, dims));
  }
}

class PredictionLayers extends nn.Module {
  embed: nn.AnyEmbedding;
  dec_rnn: RecurrentLayers;

  constructor({ tokens, predictionDims, predictionLayers }: TransducerConfig) {
    super();
    this.embed = new nn.Embedding(tokens + 1, predictionDims);
    this.dec_rnn = new RecurrentLayers(predictionDims, predictionLayers);
  }
}

/** The prediction network: an embedding and a recurrent network. The blank stands for the start, and its row is zero. */
export class PredictionNetwork extends nn.Module {
  prediction: PredictionLayers;

  constructor(readonly config: TransducerConfig) {
    super();
    this.prediction = new PredictionLayers(config);
  }

  /** The state before the first token. */
  start(dtype: Dtype): LstmState[] {
    const { predictionDims, predictionLayers } = this.config;
    const zeros = (): MxArray => mx.zeros([1, predictionDims], dtype);
    return Array.from({ length: predictionLayers }, () => ({ output: zeros(), cell: zeros() }));
  }

  /** The state after `token`. The output of the last layer is the prediction. */
  step(token: number, state: readonly LstmState[]): LstmState[] {
    const { embed, dec_rnn: recurrent } = this.prediction;
    let x = embed.forward(mx.array([token], null, 'int32'));
    return recurrent.lstm.map((layer, i) => {
      const before = state[i];
      if (before === undefined) throw new RangeError(`no state for layer ${i}`);
      const after = layer.step(x, before);
      x = after.output;
      return after;
    });
  }
}

const ACTIVATIONS = { relu: nn.relu, tanh: nn.tanh, sigmoid: nn.sigmoid };

/** The gap in `joint_net` is an activation and a dropout. */
export class JointNetwork extends nn.Module {
  enc: nn.AnyLinear;
  pred: nn.AnyLinear;
  joint_net: [null, null, nn.AnyLinear];
  readonly activation: JointActivation;

  constructor({ encoderDims, predictionDims, jointDims, tokens, durations, activation }: TransducerConfig) {
    super();
    this.enc = new nn.Linear(encoderDims, jointDims);
    this.pred = new nn.Linear(predictionDims, jointDims);
    this.joint_net = [null, null, new nn.Linear(jointDims, tokens + 1 + durations.length)];
    this.activation = activation;
  }

  /**
   * Projected frames [T, joint dims] and a projected prediction [1, joint dims] → float32 logits [T, tokens + blank +
   * durations]
   */
  forward(frames: MxArray, prediction: MxArray): MxArray {
    const joined = ACTIVATIONS[this.activation](mx.add(frames, prediction));
    return mx.astype(this.joint_net[2].forward(joined), 'float32');
  }
}

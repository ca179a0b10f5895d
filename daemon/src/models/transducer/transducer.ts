/** A transducer as its decoders use it: predictions after tokens, and choices at frames. */
import { mx, type Dtype, type MxArray } from '#native/index.js';
import * as nn from '#native/nn/index.js';

import type { LstmState } from './lstm.js';
import type { JointNetwork, Prediction, PredictionNetwork, TransducerConfig } from './transducer-network.js';

/** What the joint prefers at each of some frames, for one prediction. */
export interface FrameChoices {
  /** Ids of the best tokens; the blank is `config.tokens`. */
  readonly tokens: Int32Array;
  /** Natural-log probability of each of them among all tokens and the blank. */
  readonly logprobs: Float32Array;
  /** Frames to skip after each; 0 for a transducer without durations. */
  readonly durations: Int32Array;
}

export class Transducer {
  constructor(
    readonly config: TransducerConfig,
    readonly decoder: PredictionNetwork,
    readonly joint: JointNetwork,
    readonly dtype: Dtype,
  ) {}

  /** Features of the encoder [T, encoder dims] → what the joint adds to predictions: [T, joint dims]. The caller owns it. */
  project(features: MxArray): MxArray {
    return mx.tidy(() => this.joint.enc.forward(features));
  }

  /** The prediction after `token`, or the first one. The caller owns it and still owns `before`. */
  predict(token: number, before?: Prediction): Prediction {
    return mx.tidy(() => {
      return this.#predictionOf(this.decoder.step(token, before?.state ?? this.decoder.start(this.dtype)));
    });
  }

  /** The state of a prediction as numbers: output and cell of each layer. Exact, whatever the dtype. */
  recurrent({ state }: Prediction): Float32Array[] {
    return state.flatMap(({ output, cell }) =>
      [output, cell].map((array) => {
        const values = mx.tidy(() => mx.astype(array, 'float32'));
        try {
          return values.toTypedArray('float32');
        } finally {
          values.dispose();
        }
      }),
    );
  }

  /** `recurrent` as one array, [1, 2 L, U] in float32. The caller owns it. */
  stackRecurrent(recurrent: readonly Float32Array[]): MxArray {
    this.#checkRecurrent(recurrent);
    const { predictionLayers: layers, predictionDims: dims } = this.config;
    const values = new Float32Array(2 * layers * dims);
    for (const [i, row] of recurrent.entries()) values.set(row, i * dims);
    return mx.array(values, [1, 2 * layers, dims]);
  }

  #checkRecurrent(recurrent: readonly Float32Array[]): void {
    const { predictionLayers: layers, predictionDims: dims } = this.config;
    if (recurrent.length !== 2 * layers || recurrent.some(({ length }) => length !== dims))
      throw new RangeError('the state is that of another model');
  }

  /** The prediction of `recurrent`. The caller owns it. */
  restore(recurrent: readonly Float32Array[]): Prediction {
    this.#checkRecurrent(recurrent);
    const { predictionLayers: layers, predictionDims: dims } = this.config;
    return mx.tidy(() => {
      const arrays = recurrent.map((values) => mx.array(values, [1, dims]).astype(this.dtype));
      const state = Array.from({ length: layers }, (_, i) => {
        const [output, cell] = [arrays[2 * i], arrays[2 * i + 1]];
        if (output === undefined || cell === undefined) throw new RangeError(`no state for layer ${i}`);
        return { output, cell };
      });
      return this.#predictionOf(state);
    });
  }

  #predictionOf(state: readonly LstmState[]): Prediction {
    const output = state.at(-1)?.output;
    if (output === undefined) throw new RangeError('the prediction network has no layers');
    return { projected: this.joint.pred.forward(output), state };
  }

  /**
   * Scores projected frames [N, joint dims], each against a prediction of its own.
   *
   * @param bias added to the logits, [tokens + blank + durations]
   * @returns natural-log probabilities [N, tokens + blank + durations]: of the tokens and the blank, and of the durations
   */
  async logprobs(frames: MxArray, predictions: readonly Prediction[], bias?: MxArray): Promise<Float32Array> {
    const { tokens, durations } = this.config;
    const [ends, all] = [tokens + 1, tokens + 1 + durations.length];
    const logprobs = mx.tidy(() => {
      const after = predictions.map(({ projected }) => projected);
      let logits = this.joint.forward(frames, mx.concatenate(after, 0));
      if (bias !== undefined) logits = mx.add(logits, bias);
      const part = (from: number, to: number): MxArray =>
        nn.logSoftmax(mx.slice(logits, [0, from], [predictions.length, to]));
      return all > ends ? mx.concatenate([part(0, ends), part(ends, all)], 1) : part(0, ends);
    });
    try {
      await mx.ready(logprobs);
      return logprobs.toTypedArray('float32');
    } finally {
      logprobs.dispose();
    }
  }

  /**
   * Scores the projected frames [T, joint dims] against one prediction, in one product.
   *
   * @param bias added to the logits, [tokens + blank + durations]
   */
  async choose(frames: MxArray, prediction: Prediction, bias?: MxArray): Promise<FrameChoices> {
    const { tokens, durations } = this.config;
    const count = frames.shape[0] ?? 0;
    const results = mx.tidy(() => {
      let logits = this.joint.forward(frames, prediction.projected);
      if (bias !== undefined) logits = mx.add(logits, bias);
      const ofTokens = mx.slice(logits, [0, 0], [count, tokens + 1]);
      const best = mx.argmax(ofTokens, 1, true);
      const chosen = mx.takeAlongAxis(ofTokens, best, 1);
      const logprobs = mx.subtract(chosen, mx.logsumexp(ofTokens, 1, true));
      const skipped =
        durations.length === 0
          ? []
          : [mx.argmax(mx.slice(logits, [0, tokens + 1], [count, tokens + 1 + durations.length]), 1)];
      return [best, logprobs, ...skipped];
    });
    await mx.ready(...results);
    try {
      const [best, logprobs, skipped] = results;
      const ids = skipped?.toTypedArray('int32');
      return {
        tokens: best?.toTypedArray('int32') ?? new Int32Array(0),
        logprobs: logprobs?.toTypedArray('float32') ?? new Float32Array(0),
        durations: ids?.map((id) => durations[id] ?? 0) ?? new Int32Array(count),
      };
    } finally {
      mx.dispose(results);
    }
  }
}

export function disposePrediction(prediction: Prediction | undefined): void {
  if (prediction === undefined) return;
  mx.dispose([prediction.projected, ...prediction.state.flatMap(({ output, cell }) => [output, cell])]);
}

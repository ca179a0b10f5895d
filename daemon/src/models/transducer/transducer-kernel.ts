/**
 * Greedy decoding by the CPU kernel, which walks over frames and tokens without a trip to the host for each token, and over
 * several sequences side by side.
 */
import { yieldToEventLoop } from '#daemon/async.js';
import { mx, type MxArray } from '#native/index.js';
import * as nn from '#native/nn/index.js';

import type { Emission, WalkState } from './greedy-walk.js';
import { PackedLstm } from './packed-lstm.js';
import type { Transducer } from './transducer.js';

/** Tokens of a sequence until the event loop runs: at most half a second of work, however slow the machine. */
const TOKENS_AT_ONCE = 32;
/** Sequences of a call. */
export const MAX_LANES = 16;

/** A sequence that starts or goes on. */
export interface Lane {
  readonly walk: Readonly<WalkState>;
  /** Its frames among those of the call. */
  readonly frames: number;
}

/** Sequences after their last frame. */
export interface DecodedLanes {
  readonly emissions: readonly (readonly Emission[])[];
  readonly walks: readonly WalkState[];
  /** [B, 2 L, U], which the caller frees. */
  readonly state: MxArray;
}

export class TransducerKernel {
  readonly #transducer: Transducer;
  readonly #weights: readonly (MxArray | null)[];
  readonly #bias: MxArray | undefined;

  private constructor(transducer: Transducer, weights: readonly (MxArray | null)[], bias?: MxArray) {
    this.#transducer = transducer;
    this.#weights = weights;
    this.#bias = bias;
  }

  /**
   * @param bias added to the logits, [tokens + blank + durations]; the caller owns it
   * @returns undefined if the layers are not those of the kernel
   */
  static of(transducer: Transducer, bias?: MxArray): TransducerKernel | undefined {
    const { config, decoder, joint } = transducer;
    const { embed, dec_rnn: recurrent } = decoder.prediction;
    const weights = weightsOf(embed, joint.pred, joint.joint_net[2], recurrent.lstm);
    if (weights === undefined || config.activation === 'sigmoid') return undefined;
    return new TransducerKernel(transducer, weights, bias);
  }

  /** The state after the blank, which stands for the start: [lanes, 2 L, U]. The caller frees it. */
  start(lanes: number): MxArray {
    return mx.tidy(() => {
      const { decoder, config, dtype } = this.#transducer;
      const state = decoder.step(config.tokens, decoder.start(dtype));
      const rows = mx.concatenate(
        state.flatMap(({ output, cell }) => [output, cell]),
        0,
      );
      return mx.contiguous(mx.broadcastTo(mx.expandDims(rows, 0), [lanes, ...rows.shape]));
    });
  }

  /**
   * Decodes each lane to its last frame.
   *
   * @param projected of `Transducer.project`, [B, T, joint dims]
   * @param state [B, 2 L, U], not freed
   * @throws SottoError CANCELLED within half a second
   */
  async decode(
    projected: MxArray,
    lanes: readonly Lane[],
    state: MxArray,
    signal: AbortSignal,
  ): Promise<DecodedLanes> {
    const walks = lanes.map(({ walk }) => ({ ...walk }));
    const emissions = lanes.map((): Emission[] => []);
    let current = mx.tidy(() => mx.contiguous(state));
    try {
      while (walks.some(({ frame }, i) => frame < (lanes[i]?.frames ?? 0))) {
        await yieldToEventLoop(signal);
        const starts = walks.flatMap(({ frame, symbols }, i) => [frame, symbols, lanes[i]?.frames ?? 0]);
        const results = this.#slice(projected, starts, current);
        const [walk, logprobs, after] = results;
        try {
          await mx.ready(...results);
          const [steps, scores] = [walk.toTypedArray('int32'), logprobs.toTypedArray('float32')];
          for (const [i, place] of walks.entries()) {
            const row = i * (TOKENS_AT_ONCE + 1);
            const [count = 0, frame = 0, symbols = 0] = steps.subarray(3 * row);
            Object.assign(place, { frame, symbols });
            for (let n = row + 1; n <= row + count; n++) {
              const [token = 0, at = 0, duration = 0] = steps.subarray(3 * n);
              const logprob = scores[n] ?? 0;
              emissions[i]?.push({ token, frame: at, frames: Math.max(1, duration), logprob });
            }
          }
        } catch (error) {
          after.dispose();
          throw error;
        } finally {
          mx.dispose([walk, logprobs]);
        }
        current.dispose();
        current = after;
      }
      return { emissions, walks, state: current };
    } catch (error) {
      current.dispose();
      throw error;
    }
  }

  #slice(projected: MxArray, starts: readonly number[], state: MxArray): [MxArray, MxArray, MxArray] {
    const { tokens, durations, maxSymbols, activation } = this.#transducer.config;
    return mx.tidy(() => {
      const weights = [...this.#weights];
      const own = weights[OUTPUT_BIAS] ?? null;
      if (this.#bias !== undefined)
        weights[OUTPUT_BIAS] = own === null ? this.#bias : mx.add(own, this.#bias);
      const walk = mx.array(Int32Array.from(starts), [starts.length / 3, 3]);
      return mx.cpu.decodeTransducer(
        projected,
        walk,
        state,
        weights,
        tokens,
        durations,
        maxSymbols,
        TOKENS_AT_ONCE,
        { tanh: activation === 'tanh' },
      );
    });
  }
}

/** Place of the bias of the output layer among the weights. */
const OUTPUT_BIAS = 11;

function weightsOf(
  embed: nn.AnyEmbedding,
  pred: nn.AnyLinear,
  output: nn.AnyLinear,
  layers: readonly nn.Module[],
): (MxArray | null)[] | undefined {
  const isPacked =
    embed instanceof nn.PackedEmbedding &&
    pred instanceof nn.PackedLinear &&
    output instanceof nn.PackedLinear;
  if (!isPacked) return undefined;
  const recurrent = layers.filter((layer) => layer instanceof PackedLstm);
  if (recurrent.length < layers.length) return undefined;
  return [
    ...[embed.panels, embed.scales, embed.biases, null],
    ...[pred.panels, pred.scales, pred.biases, pred.bias],
    ...[output.panels, output.scales, output.biases, output.bias],
    ...recurrent.flatMap(({ Wx, Wh, bias }) => [Wx, Wh, bias]),
  ];
}

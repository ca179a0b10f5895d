/** Greedy decoding by the CPU kernel, which walks over all frames without a trip to the host for each token. */
import { mx, type MxArray } from '#native/index.js';
import * as nn from '#native/nn/index.js';

import type { Emission } from './greedy-walk.js';
import { PackedLstm } from './packed-lstm.js';
import type { Transducer } from './transducer.js';

/**
 * @param features of the encoder, [T, encoder dims]
 * @returns undefined if the layers are not those of the kernels
 */
export async function decodeInOneOp(
  { config, decoder, joint }: Transducer,
  features: MxArray,
): Promise<Emission[] | undefined> {
  const { embed, dec_rnn: recurrent } = decoder.prediction;
  const weights = weightsOf(embed, joint.pred, joint.joint_net[2], recurrent.lstm);
  if (weights === undefined || config.activation === 'sigmoid') return undefined;
  const { tokens, durations, maxSymbols, activation } = config;
  const results = mx.tidy(() =>
    mx.cpu.decodeTransducer(joint.enc.forward(features), weights, tokens, durations, maxSymbols, {
      tanh: activation === 'tanh',
    }),
  );
  try {
    await mx.ready(...results);
    const [walk, logprobs] = [results[0].toTypedArray('int32'), results[1].toTypedArray('float32')];
    return Array.from({ length: walk[0] ?? 0 }, (_, i) => {
      const [token = 0, frame = 0, duration = 0] = walk.subarray(3 * (i + 1), 3 * (i + 2));
      return { token, frame, frames: Math.max(1, duration), logprob: logprobs[i + 1] ?? 0 };
    });
  } finally {
    mx.dispose(results);
  }
}

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

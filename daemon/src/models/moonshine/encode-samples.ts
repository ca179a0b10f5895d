/** Runs samples through the encoder: to the keys and values of the decoder's cross-attention. */
import { yieldToEventLoop } from '#daemon/async.js';
import { SottoError } from '#daemon/protocol/errors.js';
import { mx, type MxArray } from '#native/index.js';
import type * as nn from '#native/nn/index.js';

import { MIN_SAMPLES, type Moonshine } from './moonshine-network.js';

/** One pair for each decoder layer. */
export type AudioKeysValues = readonly nn.CrossAttentionCache[];

/**
 * Encodes mono samples, 16 kHz, ±1, layer by layer, so that the event loop runs in between. The caller frees the result.
 * Audio shorter than one frame is padded with silence.
 *
 * @throws SottoError CANCELLED within two layers; ENGINE_CRASHED if the output is all zeros or NaN
 */
export async function encodeSamples(
  { encoder, decoder, dtype }: Moonshine,
  samples: Float32Array,
  signal: AbortSignal,
): Promise<AudioKeysValues> {
  const held = new Set<MxArray>(); // freed on every path
  const run = async (make: () => MxArray, input?: MxArray): Promise<MxArray> => {
    const array = mx.tidy(make);
    held.add(array);
    mx.asyncEval(array);
    await mx.ready(array);
    await yieldToEventLoop(signal);
    if (input !== undefined) {
      held.delete(input);
      input.dispose();
    }
    return array;
  };
  let keysValues: AudioKeysValues = [];
  try {
    let x = await run(() => encoder.embed(mx.astype(mx.array(padded(samples), [1, -1]), dtype)));
    for (const layer of encoder.layers) {
      const input = x;
      x = await run(() => layer.forward(input), input);
    }
    const last = x;
    const features = await run(() => encoder.layer_norm.forward(last), last);
    const maxAbs = await run(() => mx.max(mx.abs(mx.astype(features, 'float32'))));
    checkFeatures(Number(maxAbs.item()));
    keysValues = mx.tidy(() => decoder.layers.map((layer) => layer.crossKeysValues(features)));
    mx.asyncEval(keysValues.flat());
    await mx.ready(...keysValues.flat());
    await yieldToEventLoop(signal);
    return keysValues;
  } catch (error) {
    mx.dispose(keysValues);
    throw error;
  } finally {
    mx.dispose([...held]);
  }
}

function padded(samples: Float32Array): Float32Array {
  if (samples.length >= MIN_SAMPLES) return samples;
  const longer = new Float32Array(MIN_SAMPLES);
  longer.set(samples);
  return longer;
}

/** With exhausted GPU memory MLX may return zeros, which must not pass for silence. */
function checkFeatures(maxAbs: number): void {
  if (maxAbs > 0 && Number.isFinite(maxAbs)) return;
  throw new SottoError('ENGINE_CRASHED', `the encoder returned ${maxAbs === 0 ? 'only zeros' : 'NaN'}`, {
    hint: 'the GPU is probably out of memory: quit other apps or use a smaller model',
  });
}

/** Casts and quantizes a network for `models convert` and `models quantize`. */
import { messageOf, SottoError } from '#daemon/protocol/errors.js';
import type { ConvertOptions } from '#daemon/protocol/model-process.js';
import { mx, type Dtype } from '#native/index.js';
import * as nn from '#native/nn/index.js';

import type { LoadOptions } from '../speech-model.js';
import { forEachArray } from './inspect-network.js';
import type { StoredQuantization } from './quantization.js';
import { assertPatternsMatch, toStoredQuantization, type QuantizationRule } from './layer-rules.js';

interface Quantizing {
  readonly rule: QuantizationRule;
  /** Names of layers, for the hint when a pattern matches none. */
  readonly examples: string;
  /** Group size that always fits, for the hint. */
  readonly groupSizeHint: string;
}

/**
 * Casts the weights, quantizes them by the rule and evaluates them. Quantized weights are dequantized first, so quantizing
 * them again adds up both rounding errors.
 *
 * @returns the entry for `config.json`; undefined if no layer is quantized
 * @throws SottoError INVALID_ARGUMENT for options that don't fit the network; CANCELLED
 */
export async function convertNetwork(
  model: nn.Module,
  options: ConvertOptions,
  quantizing: Quantizing,
  { signal, onProgress }: LoadOptions,
): Promise<StoredQuantization | undefined> {
  const dtype: Dtype = options.dtype;
  nn.dequantize(model, dtype);
  model.toDtype(dtype);
  const quantization = quantize(model, options, quantizing);
  await forEachArray(model.namedParameters(), signal, onProgress, (_, array) => mx.ready(array));
  return quantization;
}

function quantize(
  model: nn.Module,
  options: ConvertOptions,
  { rule, examples, groupSizeHint }: Quantizing,
): StoredQuantization | undefined {
  try {
    const layers: string[] = [];
    for (const [name, layer] of model.namedModules()) {
      if (layer instanceof nn.Linear || layer instanceof nn.Embedding) layers.push(name);
    }
    assertPatternsMatch(options, layers, examples);
    const quantized = nn.quantize(model, { predicate: (name) => rule(name) });
    return toStoredQuantization(quantized, rule);
  } catch (cause) {
    if (cause instanceof SottoError) throw cause;
    throw new SottoError('INVALID_ARGUMENT', messageOf(cause), { cause, hint: groupSizeHint });
  }
}

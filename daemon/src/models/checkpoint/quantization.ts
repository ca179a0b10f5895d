/** `quantization` in `config.json`, as MLX's tools write it. */
import * as v from 'valibot';

import { defined } from '#daemon/protocol/defined.js';

import { unsupportedConfig } from './config-fields.js';

const fields = {
  group_size: v.picklist([32, 64, 128]),
  bits: v.picklist([2, 3, 4, 5, 6, 8]), // supported by MLX
};

/** Settings for all layers; entries by layer name override them or are false. */
export const quantizationSchema = v.looseObject({ ...fields, mode: v.exactOptional(v.literal('affine')) });

const layerQuantization = v.union([v.literal(false), v.object(fields)]);

/** `bits` per weight, one scale and bias per `groupSize` weights. */
export interface LayerQuantization {
  readonly groupSize: number;
  readonly bits: number;
}

/** The checkpoint's quantization, with overrides by layer; false: not quantized. */
export interface StoredQuantization extends LayerQuantization {
  readonly layers?: ReadonlyMap<string, LayerQuantization | false>;
}

/** @throws SottoError MODEL_UNSUPPORTED naming a layer */
export function storedQuantization({
  group_size: groupSize,
  bits,
  ...rest
}: v.InferOutput<typeof quantizationSchema>): StoredQuantization {
  const layers = new Map<string, LayerQuantization | false>();
  for (const [name, value] of Object.entries(rest)) {
    const own = v.safeParse(layerQuantization, value);
    if (own.success) {
      layers.set(name, own.output && { groupSize: own.output.group_size, bits: own.output.bits });
    } else if (typeof value === 'object') {
      throw unsupportedConfig(`quantization.${name}: ${own.issues[0].message}`);
    }
  }
  return { groupSize, bits, ...defined({ layers: layers.size > 0 ? layers : undefined }) };
}

/** The entry for `config.json`. */
export function quantizationEntry({
  layers = new Map(),
  ...all
}: StoredQuantization): Record<string, unknown> {
  const own = [...layers].map(([name, layer]) => [name, layer && fileForm(layer)] as const);
  return { ...fileForm(all), ...Object.fromEntries(own) };
}

const fileForm = ({ groupSize, bits }: LayerQuantization) => ({ group_size: groupSize, bits });

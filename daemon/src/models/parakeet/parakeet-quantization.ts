/** The entry `quantization` of `config.json`, as mlx-community writes it. */
import * as v from 'valibot';

import { GROUP_SIZES, WEIGHT_BITS } from '#daemon/protocol/model-process.js';

/** `bits` per weight, one scale and bias per `groupSize` weights. */
export interface LayerQuantization {
  readonly groupSize: number;
  readonly bits: number;
}

/** For all quantized layers, with overrides by the layer's name. */
export interface StoredQuantization extends LayerQuantization {
  readonly layers?: ReadonlyMap<string, LayerQuantization>;
}

const fields = { group_size: v.picklist(GROUP_SIZES), bits: v.picklist(WEIGHT_BITS) };
const ownFields = v.object(fields);

const quantization = v.looseObject({ ...fields, mode: v.exactOptional(v.literal('affine')) });
export const quantizationField = v.exactOptional(quantization);

export function toQuantization(
  stored: v.InferOutput<typeof quantization> | undefined,
): StoredQuantization | undefined {
  if (stored === undefined) return undefined;
  const { group_size: groupSize, bits, mode: _mode, ...rest } = stored;
  const layers = new Map<string, LayerQuantization>();
  for (const [name, value] of Object.entries(rest)) {
    const own = v.safeParse(ownFields, value);
    if (own.success) layers.set(name, { groupSize: own.output.group_size, bits: own.output.bits });
  }
  return { groupSize, bits, ...(layers.size > 0 && { layers }) };
}

/** The inverse of `toQuantization`. */
export function fromQuantization({ groupSize, bits, layers }: StoredQuantization): Record<string, unknown> {
  const entries = [...(layers ?? [])].map(
    ([name, own]) => [name, { group_size: own.groupSize, bits: own.bits }] as const,
  );
  return { group_size: groupSize, bits, ...Object.fromEntries(entries) };
}

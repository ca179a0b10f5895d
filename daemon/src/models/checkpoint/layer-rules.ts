/** Decides how each layer is quantized in a conversion. */
import { defined } from '#daemon/protocol/defined.js';
import { SottoError } from '#daemon/protocol/errors.js';
import type { ConvertOptions } from '#daemon/protocol/model-process.js';

import type { LayerQuantization, StoredQuantization } from './quantization.js';

const UNQUANTIZED_BITS = 16;

/** Quantization of a layer; false: none. */
export type QuantizationRule = (layer: string) => LayerQuantization | false;

/** What a family says about quantization: layers that a conversion may treat on their own. */
export interface LayerRules {
  /** The token embedding, which is also the output layer. */
  readonly embedding: string;
  /** Prefixes of the first and last blocks, which are most sensitive to rounding. */
  readonly ends: readonly string[];
  /** Used if the conversion names none. */
  readonly defaultGroupSize: number;
}

/** Rules by the function of a layer. All layers of one attention share their quantization, so that they can be joined. */
export function ruleFor(
  { bits, endBits, embeddingBits, layers = [], groupSize }: ConvertOptions,
  { embedding, ends, defaultGroupSize }: LayerRules,
): QuantizationRule {
  const named = layers.map(({ pattern, bits: own }) => ({ matches: patternRegExp(pattern), bits: own }));
  return (layer) => {
    let own: number | undefined = bits;
    if (layer === embedding) own = embeddingBits ?? bits;
    else if (ends.some((end) => layer.startsWith(end))) own = endBits ?? bits;
    own = named.findLast(({ matches }) => matches.test(layer))?.bits ?? own;
    return own === undefined || own === UNQUANTIZED_BITS
      ? false
      : { groupSize: groupSize ?? defaultGroupSize, bits: own };
  };
}

/**
 * A pattern without a matching layer is a typo.
 *
 * @param examples names of layers for the hint
 * @throws SottoError INVALID_ARGUMENT
 */
export function assertPatternsMatch(
  { layers = [] }: ConvertOptions,
  names: readonly string[],
  examples: string,
): void {
  const unmatched = layers.find(({ pattern }) => !names.some((name) => patternRegExp(pattern).test(name)));
  if (unmatched === undefined) return;
  throw new SottoError('INVALID_ARGUMENT', `no layer matches "${unmatched.pattern}"`, {
    hint: `layer names look like ${examples}; * matches any part`,
  });
}

/** Matches whole names. */
function patternRegExp(pattern: string): RegExp {
  const parts = pattern.split('*').map((part) => part.replace(/[\\^$.|?+()[\]{}]/g, '\\$&'));
  return new RegExp(`^${parts.join('.*')}$`);
}

/**
 * The entry for `config.json`: the most common quantization, and the layers that differ. Layers that are not quantized show
 * in the files. mlx-whisper 0.4.3 reads only one quantization for all quantized layers.
 */
export function toStoredQuantization(
  layers: readonly string[],
  rule: QuantizationRule,
): StoredQuantization | undefined {
  const quantized = layers.flatMap((name) => {
    const own = rule(name);
    return own === false ? [] : [[name, own] as const];
  });
  const count = new Map<number, number>();
  for (const [, { bits }] of quantized) count.set(bits, (count.get(bits) ?? 0) + 1);
  const [commonest] = [...count].sort(([, a], [, b]) => b - a);
  const usual = quantized.find(([, { bits }]) => bits === commonest?.[0])?.[1];
  if (usual === undefined) return undefined;
  const others = quantized.filter(([, { bits }]) => bits !== usual.bits);
  return { ...usual, ...defined({ layers: others.length > 0 ? new Map(others) : undefined }) };
}

/** Which layers of a network are packed how, when it is written anew. */
import { SottoError } from '#daemon/protocol/errors.js';
import type { ConvertOptions } from '#daemon/protocol/model-process.js';

import type { Quantization, StoredQuantization, WhisperConfig } from '../config.js';

const EMBEDDING = 'decoder.token_embedding';
const UNQUANTIZED_BITS = 16;

/** How one layer is packed; false: not at all. */
type QuantizationRule = (layer: string) => Quantization | false;

/**
 * Rules by what a layer does. The embedding is also what every token is chosen by, and the first and last blocks are
 * where rounding shows most; all layers of one attention are packed alike, so that they can be joined.
 */
export function quantizationRule(
  { bits, endBits, embeddingBits, layers = [], groupSize }: ConvertOptions,
  { nAudioLayer, nTextLayer }: Pick<WhisperConfig, 'nAudioLayer' | 'nTextLayer'>,
): QuantizationRule {
  const ends = [
    ...[0, nAudioLayer - 1].map((i) => `encoder.blocks.${i}.`),
    ...[0, nTextLayer - 1].map((i) => `decoder.blocks.${i}.`),
  ];
  const named = layers.map(({ pattern, bits: own }) => ({ matches: patternRegExp(pattern), bits: own }));
  return (layer) => {
    let own: number | undefined = bits;
    if (layer === EMBEDDING) own = embeddingBits ?? bits;
    else if (ends.some((end) => layer.startsWith(end))) own = endBits ?? bits;
    own = named.findLast(({ matches }) => matches.test(layer))?.bits ?? own;
    return own === undefined || own === UNQUANTIZED_BITS ? false : { groupSize, bits: own };
  };
}

/** A pattern that no layer fits is a slip of the pen. @throws SottoError INVALID_ARGUMENT */
export function assertPatternsMatch({ layers = [] }: ConvertOptions, names: readonly string[]): void {
  const unmatched = layers.find(({ pattern }) => !names.some((name) => patternRegExp(pattern).test(name)));
  if (unmatched === undefined) return;
  throw new SottoError('INVALID_ARGUMENT', `no layer fits "${unmatched.pattern}"`, {
    hint: 'layers are called encoder.blocks.0.attn.query, decoder.blocks.0.cross_attn.out, decoder.blocks.0.mlp1, decoder.token_embedding and so on; * stands for any part of a name',
  });
}

/** From the start of a name to its end. */
function patternRegExp(pattern: string): RegExp {
  const parts = pattern.split('*').map((part) => part.replace(/[\\^$.|?+()[\]{}]/g, '\\$&'));
  return new RegExp(`^${parts.join('.*')}$`);
}

/**
 * What `config.json` says of layers that are packed as `rule` has it: the way of most of them, and those that have their
 * own. Layers that are not packed are told by the files. mlx-whisper 0.4.3 reads what has one way for all that is packed.
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
  const [most] = [...count].sort(([, a], [, b]) => b - a);
  const usual = quantized.find(([, { bits }]) => bits === most?.[0])?.[1];
  if (usual === undefined) return undefined;
  const others = quantized.filter(([, { bits }]) => bits !== usual.bits);
  return { ...usual, ...(others.length > 0 && { layers: new Map(others) }) };
}

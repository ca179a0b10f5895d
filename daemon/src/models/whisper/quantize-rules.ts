/** Which layers of a network are packed how, when it is written anew. */
import type { ConvertOptions } from '#daemon/protocol/model-work.js';

import type { Quantization, StoredQuantization, WhisperConfig } from './config.js';

const EMBEDDING = 'decoder.token_embedding';
const NOT_PACKED = 16;

/** How one layer is packed; false: not at all. */
export type Rule = (layer: string) => Quantization | false;

/**
 * Rules by what a layer does. The embedding is also what every token is chosen by, and the first and last blocks are
 * where rounding shows most; all layers of one attention are packed alike, so that they can be joined.
 */
export function ruleOf(
  { bits, endBits, embeddingBits, groupSize }: ConvertOptions,
  { nAudioLayer, nTextLayer }: Pick<WhisperConfig, 'nAudioLayer' | 'nTextLayer'>,
): Rule {
  const ends = [
    ...[0, nAudioLayer - 1].map((i) => `encoder.blocks.${i}.`),
    ...[0, nTextLayer - 1].map((i) => `decoder.blocks.${i}.`),
  ];
  return (layer) => {
    let own: number | undefined = bits;
    if (layer === EMBEDDING) own = embeddingBits ?? bits;
    else if (ends.some((end) => layer.startsWith(end))) own = endBits ?? bits;
    return own === undefined || own === NOT_PACKED ? false : { groupSize, bits: own };
  };
}

/**
 * What `config.json` says of layers that are packed as `rule` has it: the way of most of them, and those that have their
 * own. Layers that are not packed are told by the files. mlx-whisper 0.4.3 reads what has one way for all that is packed.
 */
export function storedForm(layers: readonly string[], rule: Rule): StoredQuantization | undefined {
  const packed = layers.flatMap((name) => {
    const own = rule(name);
    return own === false ? [] : [[name, own] as const];
  });
  const count = new Map<number, number>();
  for (const [, { bits }] of packed) count.set(bits, (count.get(bits) ?? 0) + 1);
  const [most] = [...count].sort(([, a], [, b]) => b - a);
  const usual = packed.find(([, { bits }]) => bits === most?.[0])?.[1];
  if (usual === undefined) return undefined;
  const others = packed.filter(([, { bits }]) => bits !== usual.bits);
  return { ...usual, ...(others.length > 0 && { layers: new Map(others) }) };
}

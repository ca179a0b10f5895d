/** How a conversion quantizes a recognizer with a FastConformer. */
import type { ConvertOptions } from '#daemon/protocol/model-process.js';

import { ruleFor } from '../checkpoint/layer-rules.js';

/** Fits every published width. */
const DEFAULT_GROUP_SIZE = 64;

/** @param layers of the encoder */
export function conformerQuantizing(options: ConvertOptions, layers: number) {
  return {
    rule: ruleFor(options, {
      embedding: 'decoder.prediction.embed',
      ends: ['encoder.layers.0.', `encoder.layers.${layers - 1}.`],
      defaultGroupSize: DEFAULT_GROUP_SIZE,
    }),
    examples: 'encoder.layers.0.self_attn.linear_q, encoder.layers.0.feed_forward1.linear1 or joint.enc',
    groupSizeHint: `use a group size of ${DEFAULT_GROUP_SIZE}, which fits every published model`,
  };
}

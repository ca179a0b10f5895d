/** Decides how each layer of Whisper is quantized in a conversion. */
import type { ConvertOptions } from '#daemon/protocol/model-process.js';

import { type QuantizationRule, ruleFor } from '../../checkpoint/layer-rules.js';
import type { WhisperConfig } from '../whisper-config.js';

export function quantizationRule(
  options: ConvertOptions,
  { nAudioLayer, nTextLayer }: Pick<WhisperConfig, 'nAudioLayer' | 'nTextLayer'>,
): QuantizationRule {
  return ruleFor(options, {
    embedding: 'decoder.token_embedding',
    defaultGroupSize: 64,
    ends: [
      ...[0, nAudioLayer - 1].map((i) => `encoder.blocks.${i}.`),
      ...[0, nTextLayer - 1].map((i) => `decoder.blocks.${i}.`),
    ],
  });
}

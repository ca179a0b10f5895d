/** Dimensions and decoding of a Parakeet checkpoint, whatever the form of its `config.json`. */
import type { Normalization } from '#daemon/audio/mel/normalized-frames.js';
import { SottoError } from '#daemon/protocol/errors.js';

import { encoderFrames, type ConformerConfig } from '../conformer/conformer-config.js';
import type { TransducerConfig } from '../transducer/transducer-network.js';
import { isNemoConfig, parseNemo } from './config-nemo.js';
import { isTransformersConfig, parseTransformers } from './config-transformers.js';
import type { StoredQuantization } from '../checkpoint/quantization.js';

export interface ParakeetConfig {
  readonly encoder: ConformerConfig;
  readonly normalization: Normalization;
  /** Tokens without the blank, whose id is this number. */
  readonly tokens: number;
  /** Absent for a model with CTC alone. */
  readonly transducer?: TransducerConfig;
  /** Whether the model has a CTC head. A hybrid has both. */
  readonly hasCtc: boolean;
  /** Pieces of the vocabulary by id, if `config.json` has them. */
  readonly vocabulary?: readonly string[];
  readonly quantization?: StoredQuantization;
}

/** Whether a parsed `config.json` is for Parakeet, in any form. */
export function isParakeetConfig(json: Readonly<Record<string, unknown>>): boolean {
  return isNemoConfig(json) || isTransformersConfig(json);
}

/**
 * Validates a parsed `config.json` of NeMo, mlx-community or transformers.
 *
 * @throws SottoError MODEL_UNSUPPORTED naming the first unsupported field
 */
export function parseConfig(json: Readonly<Record<string, unknown>>): ParakeetConfig {
  const config = isTransformersConfig(json) ? parseTransformers(json) : parseNemo(json);
  const { encoder, tokens, vocabulary } = config;
  const { dims, heads, kernelSize, bands } = encoder;
  if (dims % heads !== 0 || dims % 2 !== 0)
    throw unsupported(`a width of ${dims} is not even or not divisible by ${heads} heads`);
  if (kernelSize % 2 === 0) throw unsupported(`a convolution kernel of ${kernelSize} frames is not odd`);
  if (encoderFrames(bands) * 8 !== bands) throw unsupported(`${bands} mel bands are not a multiple of 8`);
  if (vocabulary !== undefined && vocabulary.length !== tokens) {
    throw unsupported(`the vocabulary has ${vocabulary.length} pieces, but the model ${tokens} tokens`);
  }
  return config;
}

function unsupported(problem: string): SottoError {
  return new SottoError('MODEL_UNSUPPORTED', `config.json: ${problem}`);
}

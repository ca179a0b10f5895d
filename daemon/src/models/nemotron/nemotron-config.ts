/** Dimensions and decoding of a Nemotron streaming checkpoint, whatever the form of its `config.json`. */
import type { CausalConformerConfig } from '../conformer/causal-config.js';
import type { StoredQuantization } from '../checkpoint/quantization.js';
import { unsupportedConfig } from '../checkpoint/config-fields.js';
import type { TransducerConfig } from '../transducer/transducer-network.js';
import { isNemoConfig, parseNemo } from './nemotron-nemo-config.js';
import { isTransformersConfig, parseTransformers } from './nemotron-library-config.js';

export interface PromptConfig {
  /** Languages that the model may be told to expect. */
  readonly slots: number;
  readonly hiddenDims: number;
  /** The slot for an unknown language. */
  readonly autoSlot: number;
}

export interface NemotronConfig {
  readonly encoder: CausalConformerConfig;
  /** Frames of 80 ms after a frame that the encoder may need, of a transcription that is free to choose. */
  readonly lookahead: number;
  /** Tokens without the blank, whose id is this number. */
  readonly tokens: number;
  readonly transducer: TransducerConfig;
  /** Absent for a model of one language. */
  readonly prompt?: PromptConfig;
  /** Pieces of the vocabulary by id, if `config.json` has them. */
  readonly vocabulary?: readonly string[];
  readonly quantization?: StoredQuantization;
}

/** A longer one costs memory and has no model. */
const MAX_LEFT_FRAMES = 10_000;
const MAX_LOOKAHEAD = 100;

/** Whether a parsed `config.json` is for Nemotron streaming, in any form. */
export function isNemotronConfig(json: Readonly<Record<string, unknown>>): boolean {
  return isTransformersConfig(json) || isNemoConfig(json);
}

/**
 * Validates a parsed `config.json` of NeMo, mlx-community or transformers.
 *
 * @throws SottoError MODEL_UNSUPPORTED naming the first unsupported field
 */
export function parseConfig(json: Readonly<Record<string, unknown>>): NemotronConfig {
  const config = isTransformersConfig(json) ? parseTransformers(json) : parseNemo(json);
  const { encoder, tokens, vocabulary, lookahead, prompt } = config;
  const { dims, heads, leftFrames } = encoder;
  if (dims % heads !== 0 || dims % 2 !== 0)
    throw unsupportedConfig(`a width of ${dims} is not even or not divisible by ${heads} heads`);
  if (leftFrames > MAX_LEFT_FRAMES || lookahead > MAX_LOOKAHEAD)
    throw unsupportedConfig(`a context of ${leftFrames} and ${lookahead} frames is too long`);
  if (vocabulary !== undefined && vocabulary.length !== tokens)
    throw unsupportedConfig(`the vocabulary has ${vocabulary.length} pieces, but the model ${tokens} tokens`);
  if (prompt !== undefined && prompt.autoSlot >= prompt.slots)
    throw unsupportedConfig(`slot ${prompt.autoSlot} for any language is not one of ${prompt.slots}`);
  return config;
}

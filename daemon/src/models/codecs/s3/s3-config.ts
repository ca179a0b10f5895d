/** `config.json` of an S3 tokenizer: the arguments of s3tokenizer's classes, of which the name decides the network. */
import * as v from 'valibot';

import { integer } from '#daemon/protocol/fields.js';

import { parseFields, unsupportedConfig } from '../../checkpoint/config-fields.js';
import { dimension, layerCount, tokenCount } from '../../checkpoint/config-limits.js';
import type { CodecShape } from '../codec-shape.js';

export const SAMPLE_RATE = 16_000;
/** Samples of a mel frame: 10 ms. */
export const MEL_HOP = 160;
/** Mel frames that are encoded together: 30 s. */
export const WINDOW_FRAMES = 3000;
/** v2 and v3 rotate heads of this size. */
export const ROTARY_DIMS = 64;
/** Digits of a code of v2 and v3, each of 3 values. */
export const DIGITS = 8;
export const LEVELS = 3;

/** `stride` of the first convolution; the second one always has 2. `memory`: whether blocks have a memory and rotary positions. */
const VERSIONS = {
  speech_tokenizer_v1: { stride: 1, memory: false },
  speech_tokenizer_v1_25hz: { stride: 2, memory: false },
  speech_tokenizer_v2_25hz: { stride: 2, memory: true },
  speech_tokenizer_v3_25hz: { stride: 2, memory: true },
} as const;
type Name = keyof typeof VERSIONS;

const file = v.object({
  model_type: v.exactOptional(v.literal('s3tokenizer')),
  name: v.picklist(Object.keys(VERSIONS) as Name[]),
  n_mels: v.literal(128),
  n_audio_ctx: v.pipe(integer, v.minValue(1), v.maxValue(65_536)),
  n_audio_state: dimension,
  n_audio_head: dimension,
  n_audio_layer: layerCount,
  n_codebook_size: tokenCount,
});

export interface S3Config extends Omit<v.InferOutput<typeof file>, 'model_type'> {
  readonly quantization?: never;
  /** Of the first convolution. */
  readonly stride: 1 | 2;
  /** Whether attention has rotary positions and a memory, and codes have digits: v2 and v3. */
  readonly memory: boolean;
}

export const isS3Config = ({ name, model_type: type }: Readonly<Record<string, unknown>>): boolean =>
  type === 's3tokenizer' || (typeof name === 'string' && name.startsWith('speech_tokenizer_v'));

/** @throws SottoError MODEL_UNSUPPORTED naming the first unsupported field */
export function parseS3Config(json: unknown): S3Config {
  const { model_type: _, ...fields } = parseFields(file, json);
  const config: S3Config = { ...fields, ...VERSIONS[fields.name] };
  check(config);
  return config;
}

function check(config: S3Config): void {
  const { n_audio_state: state, n_audio_head: heads, n_audio_ctx: positions, memory } = config;
  if (state % heads !== 0 || state % 2 !== 0)
    throw unsupportedConfig(`n_audio_state: ${state} is not divisible by ${heads} heads`);
  if (memory && state !== heads * ROTARY_DIMS)
    throw unsupportedConfig(`n_audio_head: heads must have ${ROTARY_DIMS} dimensions`);
  if (memory && config.n_codebook_size !== LEVELS ** DIGITS)
    throw unsupportedConfig(`n_codebook_size: must be ${LEVELS ** DIGITS}`);
  const needed = WINDOW_FRAMES / framesPerCode(config);
  if (positions < needed) throw unsupportedConfig(`n_audio_ctx: 30 s have ${needed} positions`);
}

/** The contents of `config.json`. */
export const s3File = ({
  stride: _stride,
  memory: _memory,
  ...fields
}: S3Config): Record<string, unknown> => ({
  model_type: 's3tokenizer',
  ...fields,
});

/** Mel frames of a code. */
export const framesPerCode = ({ stride }: Pick<S3Config, 'stride'>): number => 2 * stride;

export function s3Shape(config: S3Config): CodecShape {
  return {
    sampleRate: SAMPLE_RATE,
    codebooks: 1,
    codebookSize: config.n_codebook_size,
    framesPerSecond: SAMPLE_RATE / MEL_HOP / framesPerCode(config),
    encodesOnly: true,
  };
}

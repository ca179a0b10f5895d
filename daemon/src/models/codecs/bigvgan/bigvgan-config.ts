/** `config.json` of a BigVGAN checkpoint. */
import * as v from 'valibot';

import { finite } from '#daemon/protocol/fields.js';

import { parseFields, unsupportedConfig } from '../../checkpoint/config-fields.js';
import { dimension } from '../../checkpoint/config-limits.js';
import { checkGenerator, generatorHop, generatorSchema } from '../layers/generator-config.js';

const hertz = v.pipe(finite, v.minValue(0), v.maxValue(96_000));

const file = v.object({
  ...generatorSchema.entries,
  activation: v.picklist(['snake', 'snakebeta']),
  snake_logscale: v.boolean(),
  use_tanh_at_final: v.optional(v.boolean(), true),
  n_fft: v.pipe(dimension, v.multipleOf(2)),
  hop_size: dimension,
  win_size: dimension,
  fmin: hertz,
  fmax: v.nullish(hertz),
});

export interface BigVganConfig extends v.InferOutput<typeof file> {
  readonly quantization?: never;
}

export const isBigVganConfig = (json: Readonly<Record<string, unknown>>): boolean =>
  'snake_logscale' in json && 'upsample_initial_channel' in json;

/** @throws SottoError MODEL_UNSUPPORTED naming the first unsupported field */
export function parseBigVganConfig(json: unknown): BigVganConfig {
  const config = parseFields(file, json);
  checkGenerator(config);
  if (generatorHop(config) !== config.hop_size) {
    throw unsupportedConfig('hop_size: must be the product of upsample_rates');
  }
  if (config.win_size !== config.n_fft) throw unsupportedConfig('win_size: must be n_fft');
  if (config.fmin !== 0) throw unsupportedConfig('fmin: must be 0');
  return config;
}

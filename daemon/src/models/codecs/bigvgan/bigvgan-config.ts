/** `config.json` of a BigVGAN checkpoint. */
import * as v from 'valibot';

import { finite, integer } from '#daemon/protocol/fields.js';

import { parseFields, unsupportedConfig } from '../../checkpoint/config-fields.js';
import { dimension } from '../../checkpoint/config-limits.js';

const rate = v.pipe(integer, v.minValue(1), v.maxValue(64));
const kernel = v.pipe(integer, v.minValue(1), v.maxValue(255));
const oddKernel = v.pipe(
  kernel,
  v.check((size) => size % 2 === 1, 'must be odd'),
);
const list = <Item extends v.GenericSchema>(item: Item) =>
  v.pipe(v.array(item), v.minLength(1), v.maxLength(16));
const hertz = v.pipe(finite, v.minValue(0), v.maxValue(96_000));

const file = v.object({
  resblock: v.picklist(['1', '2']),
  activation: v.picklist(['snake', 'snakebeta']),
  snake_logscale: v.boolean(),
  upsample_rates: list(rate),
  upsample_kernel_sizes: list(kernel),
  upsample_initial_channel: dimension,
  resblock_kernel_sizes: list(oddKernel),
  resblock_dilation_sizes: list(list(rate)),
  use_tanh_at_final: v.optional(v.boolean(), true),
  use_bias_at_final: v.optional(v.boolean(), true),
  num_mels: dimension,
  n_fft: v.pipe(dimension, v.multipleOf(2)),
  hop_size: dimension,
  win_size: dimension,
  sampling_rate: v.pipe(integer, v.minValue(8_000), v.maxValue(192_000)),
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
  const { upsample_rates: rates, upsample_kernel_sizes: kernels, resblock_kernel_sizes: sizes } = config;
  if (kernels.length !== rates.length)
    throw unsupportedConfig('upsample_kernel_sizes: must be one for each rate');
  const faulty = rates.findIndex((own, i) => (kernels[i] ?? 0) < own || ((kernels[i] ?? 0) - own) % 2 !== 0);
  if (faulty >= 0) throw unsupportedConfig(`upsample_kernel_sizes.${faulty}: does not fit the rate`);
  if (config.resblock_dilation_sizes.length !== sizes.length) {
    throw unsupportedConfig('resblock_dilation_sizes: must be one list for each kernel');
  }
  if (config.upsample_initial_channel % 2 ** rates.length !== 0) {
    throw unsupportedConfig('upsample_initial_channel: must halve at every rate');
  }
  if (rates.reduce((all, own) => all * own, 1) !== config.hop_size) {
    throw unsupportedConfig('hop_size: must be the product of upsample_rates');
  }
  if (config.win_size !== config.n_fft) throw unsupportedConfig('win_size: must be n_fft');
  if (config.fmin !== 0) throw unsupportedConfig('fmin: must be 0');
  return config;
}

/** What the configs of HiFi-GAN and of networks after it, such as BigVGAN, share. */
import * as v from 'valibot';

import { integer } from '#daemon/protocol/fields.js';

import { unsupportedConfig } from '../../checkpoint/config-fields.js';
import { dimension } from '../../checkpoint/config-limits.js';
import { product } from './reach.js';

const rate = v.pipe(integer, v.minValue(1), v.maxValue(64));
const kernel = v.pipe(integer, v.minValue(1), v.maxValue(255));
const oddKernel = v.pipe(
  kernel,
  v.check((size) => size % 2 === 1, 'must be odd'),
);
const list = <Item extends v.GenericSchema>(item: Item) =>
  v.pipe(v.array(item), v.minLength(1), v.maxLength(16));

export const generatorSchema = v.object({
  resblock: v.picklist(['1', '2']),
  upsample_rates: list(rate),
  upsample_kernel_sizes: list(kernel),
  upsample_initial_channel: dimension,
  resblock_kernel_sizes: list(oddKernel),
  resblock_dilation_sizes: list(list(rate)),
  use_bias_at_final: v.optional(v.boolean(), true),
  /** Channels of the input: mel bands, or the latents of a voice. */
  num_mels: dimension,
  sampling_rate: v.pipe(integer, v.minValue(8_000), v.maxValue(192_000)),
});
export type GeneratorConfig = v.InferOutput<typeof generatorSchema>;

/** Samples of a frame of the input. */
export const generatorHop = ({ upsample_rates: rates }: Pick<GeneratorConfig, 'upsample_rates'>): number =>
  product(rates);

/** @throws SottoError MODEL_UNSUPPORTED naming the first field that does not fit the others */
export function checkGenerator(config: GeneratorConfig): void {
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
}

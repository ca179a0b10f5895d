/** `config.json` of a HiFi-GAN generator. */
import { parseFields } from '../../checkpoint/config-fields.js';
import { checkGenerator, generatorSchema, type GeneratorConfig } from '../layers/generator-config.js';

export interface HifiGanConfig extends GeneratorConfig {
  readonly quantization?: never;
}

/** @throws SottoError MODEL_UNSUPPORTED naming the first unsupported field */
export function parseHifiGanConfig(json: unknown): HifiGanConfig {
  const config = parseFields(generatorSchema, json);
  checkGenerator(config);
  return config;
}

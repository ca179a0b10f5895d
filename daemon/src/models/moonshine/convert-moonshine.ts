/** Inspects a Moonshine checkpoint and converts it, in the layout of transformers. */
import { existsSync } from 'node:fs';
import { copyFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

import type { ConvertOptions, ModelMetadata } from '#daemon/protocol/model-process.js';
import { mx, type MxArray } from '#native/index.js';

import { convertNetwork } from '../checkpoint/convert-network.js';
import { inspectNetwork, withNetwork } from '../checkpoint/inspect-network.js';
import { ruleFor } from '../checkpoint/layer-rules.js';
import { readConfigFile } from '../config-file.js';
import type { LoadOptions } from '../speech-model.js';
import { MOONSHINE_LANGUAGES } from './moonshine-capabilities.js';
import { GENERATION_FILE, readGenerationConfig } from './generation-config.js';
import { isKernel, openCheckpoint, readConfig } from './moonshine-checkpoint.js';
import { convertedConfig, parseConfig, type MoonshineConfig } from './moonshine-config.js';
import { Moonshine } from './moonshine-network.js';
import { PieceVocabulary, TOKENIZER_FILE } from './piece-vocabulary.js';

export async function inspect(
  dir: string,
  options: LoadOptions,
): Promise<Omit<ModelMetadata, 'files' | 'footprint'>> {
  const config = await readConfig(dir);
  PieceVocabulary.load(dir, config.vocabulary); // validates it
  return {
    family: 'moonshine',
    ...(await inspectNetwork(await openCheckpoint(dir, config), build, options)),
    languages: MOONSHINE_LANGUAGES,
    tasks: ['transcribe'],
  };
}

/** Writes `config.json`, `model.safetensors` and `tokenizer.json`; transformers reads those that are not quantized. */
export async function convert(
  dir: string,
  out: string,
  options: ConvertOptions,
  loadOptions: LoadOptions,
): Promise<void> {
  const json = await readConfigFile(dir);
  const config = parseConfig(json, readGenerationConfig(dir));
  PieceVocabulary.load(dir, config.vocabulary); // before the work instead of after it
  const { encoderLayers, decoderLayers } = config;
  const quantizing = {
    rule: ruleFor(options, {
      embedding: 'decoder.embed_tokens',
      ends: [
        ...[0, encoderLayers - 1].map((i) => `encoder.layers.${i}.`),
        ...[0, decoderLayers - 1].map((i) => `decoder.layers.${i}.`),
      ],
      defaultGroupSize: DEFAULT_GROUP_SIZE,
    }),
    examples: 'encoder.layers.0.self_attn.q_proj, decoder.layers.0.mlp.fc1 or decoder.embed_tokens',
    groupSizeHint: `use a group size of ${DEFAULT_GROUP_SIZE}, which fits every published model`,
  };
  const checkpoint = await openCheckpoint(dir, config);
  await withNetwork(checkpoint, build, loadOptions.signal, async (model) => {
    const quantization = await convertNetwork(model, options, quantizing, loadOptions);
    saveWeights(model, join(out, 'model.safetensors'));
    const written = convertedConfig(json, options.dtype, quantization);
    await writeFile(join(out, 'config.json'), `${JSON.stringify(written, null, 2)}\n`);
    await copyFile(join(dir, TOKENIZER_FILE), join(out, TOKENIZER_FILE));
    const generation = join(dir, GENERATION_FILE);
    if (existsSync(generation)) await copyFile(generation, join(out, GENERATION_FILE));
  });
}

/** Widths of 288 and 416 are no multiples of 64. */
const DEFAULT_GROUP_SIZE = 32;

const build = (config: MoonshineConfig): Moonshine => new Moonshine(config);

/** Under the names and in the layout of transformers. */
function saveWeights(model: Moonshine, file: string): void {
  mx.tidy(() => {
    const stored = [...model.namedParameters()].map(([name, array]): [string, MxArray] => [
      `model.${name}`,
      isKernel(name) ? mx.contiguous(mx.swapaxes(array, 1, 2)) : array,
    ]);
    mx.eval(stored.map(([, array]) => array));
    mx.saveSafetensors(file, Object.fromEntries(stored), { format: 'pt' });
  });
}

/** Inspects a Wav2Vec2 checkpoint and converts it. */
import { copyFile, readdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

import { defined } from '#daemon/protocol/defined.js';
import type { ConvertOptions, ModelMetadata } from '#daemon/protocol/model-process.js';
import { mx } from '#native/index.js';

import { convertNetwork } from '../checkpoint/convert-network.js';
import { inspectNetwork, withNetwork } from '../checkpoint/inspect-network.js';
import { type QuantizationRule, ruleFor } from '../checkpoint/layer-rules.js';
import type { LoadOptions } from '../speech-model.js';
import { adapterFile } from './language-adapters.js';
import { LetterVocabulary } from './letter-vocabulary.js';
import { readTokenizerFiles, TOKENIZER_FILES } from './tokenizer-files.js';
import { languagesOf } from './wav2vec2-capabilities.js';
import { openCheckpoint, readConfig } from './wav2vec2-checkpoint.js';
import { wav2Vec2File, type Wav2Vec2Config } from './wav2vec2-config.js';
import { Wav2Vec2 } from './wav2vec2-network.js';

const HEAD = 'lm_head';
/** They are small, narrower than a group, and replaced with the language. */
const ADAPTER = /\.adapter_layer\./;

export async function inspect(
  dir: string,
  options: LoadOptions,
): Promise<Omit<ModelMetadata, 'files' | 'footprint'>> {
  const config = await readConfig(dir);
  const files = readTokenizerFiles(dir);
  const vocabulary = new LetterVocabulary(files, files.language, config.vocab_size);
  return {
    family: 'wav2vec2',
    ...(await inspectNetwork(await openCheckpoint(dir, config), build, options)),
    languages: languagesOf(dir, files, vocabulary),
    tasks: ['transcribe'],
  };
}

/** Writes `config.json`, `weights.safetensors` and copies of the vocabulary and of the adapters of other languages. */
export async function convert(
  dir: string,
  out: string,
  options: ConvertOptions,
  loadOptions: LoadOptions,
): Promise<void> {
  const { language } = readTokenizerFiles(dir);
  const checkpoint = await openCheckpoint(dir, await readConfig(dir));
  await withNetwork(checkpoint, build, loadOptions.signal, async (model) => {
    const quantizing = {
      rule: quantizationRule(options, model.config, language !== undefined),
      examples:
        'wav2vec2.encoder.layers.0.attention.q_proj or wav2vec2.encoder.layers.0.feed_forward.output_dense',
      groupSizeHint: `use a group size of ${DEFAULT_GROUP_SIZE}, which fits every published model`,
    };
    const quantization = await convertNetwork(model, options, quantizing, loadOptions);
    const { quantization: _quantization, ...config } = model.config;
    mx.saveSafetensors(join(out, 'weights.safetensors'), Object.fromEntries(model.namedParameters()), {
      format: 'mlx',
    });
    const written = wav2Vec2File({ ...config, ...defined({ quantization }) });
    await writeFile(join(out, 'config.json'), `${JSON.stringify(written, null, 2)}\n`);
  });
  for (const name of await readdir(dir)) {
    if (isCopied(name)) await copyFile(join(dir, name), join(out, name));
  }
}

function isCopied(name: string): boolean {
  const [, language = ''] = /^adapter\.(.*)\.safetensors$/.exec(name) ?? [];
  return TOKENIZER_FILES.some((file) => file === name) || name === adapterFile(language);
}

/** Every published width is a multiple. */
const DEFAULT_GROUP_SIZE = 64;
const PROJECTION = 'wav2vec2.feature_projection.projection';

/** @param hasLanguages the head belongs to a language, and is replaced with it */
function quantizationRule(
  options: ConvertOptions,
  { num_hidden_layers: count, conv_dim: convs }: Wav2Vec2Config,
  hasLanguages: boolean,
): QuantizationRule {
  const ends = [0, count - 1].map((i) => `wav2vec2.encoder.layers.${i}.`);
  const rule = ruleFor(options, { embedding: HEAD, ends, defaultGroupSize: DEFAULT_GROUP_SIZE });
  // Convolutions may be narrower than the layers behind them.
  const isNarrow = (convs.at(-1) ?? 0) % (options.groupSize ?? DEFAULT_GROUP_SIZE) !== 0;
  const isExempt = (layer: string): boolean =>
    ADAPTER.test(layer) || (hasLanguages && layer === HEAD) || (isNarrow && layer === PROJECTION);
  return (layer) => (isExempt(layer) ? false : rule(layer));
}

const build = (config: Wav2Vec2Config): Wav2Vec2 => new Wav2Vec2(config);

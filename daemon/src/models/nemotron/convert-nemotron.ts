/** Inspects a Nemotron checkpoint and converts it. */
import { copyFile, writeFile } from 'node:fs/promises';
import { existsSync } from 'node:fs';
import { join } from 'node:path';

import type { ConvertOptions, ModelMetadata } from '#daemon/protocol/model-process.js';
import { mx } from '#native/index.js';

import { convertNetwork } from '../checkpoint/convert-network.js';
import { inspectNetwork, withNetwork } from '../checkpoint/inspect-network.js';
import { quantizationEntry } from '../checkpoint/quantization.js';
import { conformerQuantizing } from '../conformer/quantize-conformer.js';
import { readConfigFile } from '../config-file.js';
import type { LoadOptions } from '../speech-model.js';
import { SentencePieces, TOKENIZER_FILE } from '../text/sentence-pieces.js';
import { openCheckpoint } from './load-nemotron.js';
import { parseConfig, type NemotronConfig } from './nemotron-config.js';
import { languagesOf } from './nemotron-languages.js';
import { Nemotron } from './nemotron-network.js';

const build = (config: NemotronConfig): Nemotron => new Nemotron(config);

export async function inspect(
  dir: string,
  options: LoadOptions,
): Promise<Omit<ModelMetadata, 'files' | 'footprint'>> {
  const config = parseConfig(await readConfigFile(dir));
  SentencePieces.load(dir, config); // validates it
  return {
    family: 'nemotron',
    ...(await inspectNetwork(await openCheckpoint(dir, config), build, options)),
    languages: languagesOf(config),
    tasks: ['transcribe'],
  };
}

/** Writes `config.json` and `tokenizer.json` as they are, and `model.safetensors` under the names of NeMo and mlx-community. */
export async function convert(
  dir: string,
  out: string,
  options: ConvertOptions,
  loadOptions: LoadOptions,
): Promise<void> {
  const json = await readConfigFile(dir);
  const config = parseConfig(json);
  SentencePieces.load(dir, config); // before the work instead of after it
  const quantizing = conformerQuantizing(options, config.encoder.layers);
  const checkpoint = await openCheckpoint(dir, config);
  await withNetwork(checkpoint, build, loadOptions.signal, async (model) => {
    const quantization = await convertNetwork(model, options, quantizing, loadOptions);
    mx.saveSafetensors(join(out, 'model.safetensors'), Object.fromEntries(model.namedParameters()), {
      format: 'mlx',
    });
    const { quantization: _before, ...kept } = json;
    const written = { ...kept, ...(quantization && { quantization: quantizationEntry(quantization) }) };
    await writeFile(join(out, 'config.json'), `${JSON.stringify(written, null, 2)}\n`);
    const tokenizer = join(dir, TOKENIZER_FILE);
    if (existsSync(tokenizer)) await copyFile(tokenizer, join(out, TOKENIZER_FILE));
  });
}

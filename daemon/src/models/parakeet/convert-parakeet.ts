/** Inspects a Parakeet checkpoint and converts it, in the layout of mlx-community. */
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';

import type { ConvertOptions, ModelMetadata } from '#daemon/protocol/model-process.js';
import { mx, type MxArray } from '#native/index.js';

import { convertNetwork } from '../checkpoint/convert-network.js';
import { inspectNetwork, withNetwork } from '../checkpoint/inspect-network.js';
import { conformerQuantizing } from '../conformer/quantize-conformer.js';
import type { LoadOptions } from '../speech-model.js';
import { Parakeet } from './parakeet-network.js';
import { openCheckpoint, readConfig } from './parakeet-checkpoint.js';
import type { ParakeetConfig } from './parakeet-config.js';
import { languagesOf } from './parakeet-languages.js';
import { SentencePieces } from '../text/sentence-pieces.js';
import { writtenConfig } from './written-config.js';

const build = (config: ParakeetConfig): Parakeet => new Parakeet(config);

export async function inspect(
  dir: string,
  options: LoadOptions,
): Promise<Omit<ModelMetadata, 'files' | 'footprint'>> {
  const config = await readConfig(dir);
  SentencePieces.load(dir, config); // validates it
  return {
    family: 'parakeet',
    ...(await inspectNetwork(await openCheckpoint(dir, config), build, options)),
    languages: languagesOf(config),
    tasks: ['transcribe'],
  };
}

/** Writes `config.json` with the vocabulary, and `model.safetensors`; parakeet-mlx reads those that are not quantized. */
export async function convert(
  dir: string,
  out: string,
  options: ConvertOptions,
  loadOptions: LoadOptions,
): Promise<void> {
  const config = await readConfig(dir);
  const vocabulary = SentencePieces.load(dir, config);
  const quantizing = conformerQuantizing(options, config.encoder.layers);
  const checkpoint = await openCheckpoint(dir, config);
  await withNetwork(checkpoint, build, loadOptions.signal, async (model) => {
    const quantization = await convertNetwork(model, options, quantizing, loadOptions);
    saveWeights(model, join(out, 'model.safetensors'));
    const written = writtenConfig(config, vocabulary.pieces, quantization);
    await writeFile(join(out, 'config.json'), `${JSON.stringify(written, null, 2)}\n`);
  });
}

const POINTWISE_1D = /\.(?:pointwise_conv[12]|decoder_layers\.0)\.weight$/;
const POINTWISE_2D = /\.pre_encode\.conv\.[36]\.weight$/;

function saveWeights(model: Parakeet, file: string): void {
  const isAlone = model.decoder === null;
  mx.tidy(() => {
    const stored: Record<string, MxArray> = {};
    for (const [name, array] of model.namedParameters()) {
      stored[isAlone ? name.replace(/^ctc_decoder\./, 'decoder.') : name] = asConvolution(name, array);
      const [, at] = /^(.*\.conv)\.depthwise_conv\.bias$/.exec(name) ?? [];
      if (at !== undefined) addNorm(stored, at, array, model.config.encoder.hasConvolutionBias);
    }
    mx.eval(stored);
    mx.saveSafetensors(file, stored, { format: 'mlx' });
  });
}

/** Matrices that mlx-community stores as convolutions of size 1; quantized ones are matrices. */
function asConvolution(name: string, array: MxArray): MxArray {
  const [outputs = 0, inputs = 0] = array.shape;
  if (array.dtype === 'uint32') return array;
  if (POINTWISE_1D.test(name)) return mx.reshape(array, [outputs, 1, inputs]);
  return POINTWISE_2D.test(name) ? mx.reshape(array, [outputs, 1, 1, inputs]) : array;
}

/** A batch norm that changes nothing but adds the bias, for a convolution that may have none. */
function addNorm(stored: Record<string, MxArray>, at: string, bias: MxArray, hasBias: boolean): void {
  const { shape, dtype } = bias;
  stored[`${at}.batch_norm.weight`] = mx.ones(shape, dtype);
  stored[`${at}.batch_norm.running_mean`] = mx.zeros(shape, dtype);
  stored[`${at}.batch_norm.running_var`] = mx.ones(shape, dtype);
  stored[`${at}.batch_norm.bias`] = hasBias ? mx.zeros(shape, dtype) : bias;
  if (!hasBias) delete stored[`${at}.depthwise_conv.bias`];
}

/** Inspects the checkpoint of a codec and converts it. */
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';

import { SottoError } from '#daemon/protocol/errors.js';
import type { ConvertOptions, ModelMetadata } from '#daemon/protocol/model-process.js';
import { mx, type Dtype } from '#native/index.js';
import type * as nn from '#native/nn/index.js';

import type { Checkpoint } from '../checkpoint/checkpoint-network.js';
import { convertNetwork } from '../checkpoint/convert-network.js';
import { inspectNetwork, withNetwork } from '../checkpoint/inspect-network.js';
import type { LoadOptions } from '../speech-model.js';

/** Codecs compute in float32: rounded weights or activations give other codes. */
type CodecNetwork = nn.Module & { readonly dtype: Dtype };
/** Without quantization. */
interface CodecConfig {
  readonly quantization?: never;
}

export async function inspectCodec<Config extends CodecConfig, Model extends CodecNetwork>(
  family: string,
  checkpoint: Checkpoint<Config>,
  build: (config: Config) => Model,
  options: LoadOptions,
): Promise<Omit<ModelMetadata, 'files' | 'footprint'>> {
  const facts = await inspectNetwork(checkpoint, build, options);
  return { family, ...facts, languages: [], tasks: ['codec'] };
}

/**
 * Writes `config.json` and `weights.safetensors`: weight norms folded, in MLX's layout.
 *
 * @param file the contents of `config.json`
 * @throws SottoError INVALID_ARGUMENT for a quantization
 */
export async function convertCodec<Config extends CodecConfig, Model extends CodecNetwork>(
  checkpoint: Checkpoint<Config>,
  build: (config: Config) => Model,
  file: Readonly<Record<string, unknown>>,
  out: string,
  options: ConvertOptions,
  loadOptions: LoadOptions,
): Promise<void> {
  if (options.bits !== undefined) {
    checkpoint.close();
    throw new SottoError('INVALID_ARGUMENT', 'a codec can’t be quantized: its codes would change');
  }
  await withNetwork(checkpoint, build, loadOptions.signal, async (model) => {
    const quantizing = { rule: () => false as const, examples: 'encoder', groupSizeHint: '' };
    await convertNetwork(model, options, quantizing, loadOptions);
    mx.saveSafetensors(join(out, 'weights.safetensors'), Object.fromEntries(model.namedParameters()), {
      format: 'mlx',
    });
    await writeFile(join(out, 'config.json'), `${JSON.stringify(file, null, 2)}\n`);
  });
}

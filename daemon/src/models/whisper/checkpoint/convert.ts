/** Inspects a Whisper checkpoint and converts it. */
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';

import { defined } from '#daemon/protocol/defined.js';
import type { ConvertOptions, ModelMetadata } from '#daemon/protocol/model-process.js';
import { mx, type MxArray } from '#native/index.js';

import { convertNetwork } from '../../checkpoint/convert-network.js';
import { inspectNetwork, withNetwork } from '../../checkpoint/inspect-network.js';
import type { LoadOptions } from '../../speech-model.js';
import { Whisper } from '../model.js';
import { languagesOf } from '../whisper-capabilities.js';
import { mlxConfig, type WhisperConfig } from '../whisper-config.js';
import { openCheckpoint, readConfig } from './checkpoint.js';
import { quantizationRule } from './quantize-rules.js';

export async function inspect(
  dir: string,
  options: LoadOptions,
): Promise<Omit<ModelMetadata, 'files' | 'footprint'>> {
  const config = await readConfig(dir);
  return {
    family: 'whisper',
    ...(await inspectNetwork(await openCheckpoint(dir, config), build, options)),
    languages: languagesOf(config),
    tasks: ['transcribe'],
  };
}

/** Writes `config.json` and `weights.safetensors`. */
export async function convert(
  dir: string,
  out: string,
  options: ConvertOptions,
  loadOptions: LoadOptions,
): Promise<void> {
  const checkpoint = await openCheckpoint(dir, await readConfig(dir));
  await withNetwork(checkpoint, build, loadOptions.signal, async (model) => {
    const quantizing = {
      rule: quantizationRule(options, model.config),
      examples: 'encoder.blocks.0.attn.query, decoder.blocks.0.mlp1 or decoder.token_embedding',
      groupSizeHint: 'use another group size: 32 fits every published model',
    };
    const quantization = await convertNetwork(model, options, quantizing, loadOptions);
    const { quantization: _quantization, ...config } = model.config;
    const heads = headsOf(config);
    try {
      mx.saveSafetensors(
        join(out, 'weights.safetensors'),
        { ...Object.fromEntries(model.namedParameters()), ...defined({ alignment_heads: heads }) },
        { format: 'mlx' },
      );
    } finally {
      heads?.dispose();
    }
    const written = mlxConfig({ ...config, ...defined({ quantization }) });
    await writeFile(join(out, 'config.json'), `${JSON.stringify(written, null, 2)}\n`);
  });
}

const build = (config: WhisperConfig): Whisper => new Whisper(config);

/** mlx-whisper stores them with the weights. int32 [n, 2], or undefined */
function headsOf({ alignmentHeads }: WhisperConfig): MxArray | undefined {
  if (alignmentHeads === undefined) return undefined;
  return mx.array(
    alignmentHeads.map((pair) => [...pair]),
    null,
    'int32',
  );
}

import { resolve } from 'node:path';
import { InvalidArgumentError, Option, type Command } from 'commander';
import { hiddenAlias } from '../flags/hidden-alias.js';
import { examples } from '../help/layout.js';
import { modelDirs, resolvePaths } from '../../paths.js';
import { defined } from '../../protocol/defined.js';
import { GROUP_SIZES, LAYER_BITS, WEIGHT_BITS, type ConvertOptions } from '../../protocol/model-process.js';
import { findModel } from '../../store/find-model.js';
import { modelArgument } from '../../store/model-argument.js';
import { interruptible } from './installed-model-commands.js';

interface QuantizeFlags {
  bits: NonNullable<ConvertOptions['bits']>;
  groupSize?: NonNullable<ConvertOptions['groupSize']>;
  firstLastBits: NonNullable<ConvertOptions['endBits']>;
  embeddingBits: NonNullable<ConvertOptions['embeddingBits']>;
  layerBits: NonNullable<ConvertOptions['layers']>;
  out?: string;
  force?: boolean;
  report: boolean;
  clips?: string;
  json?: boolean;
}

export function addQuantize(models: Command, outcome: { exitCode: number }): void {
  const command = models
    .command('quantize')
    .summary('quantize a model and compare it with the original')
    .description(
      'Quantize a model layer by layer and write an mlx-community folder. Then compare both models on labeled ' +
        'recordings: size, memory, load time, speed and wrong words.',
    )
    .argument('<model>', 'name or folder of a model, preferably float16')
    .addOption(
      new Option('--bits <n>', `bits of quantized weights: ${WEIGHT_BITS.join(', ')}`)
        .argParser(oneOf(WEIGHT_BITS))
        .default(4),
    )
    .addOption(
      new Option(
        '--group-size <n>',
        `weights that share a scale: ${GROUP_SIZES.join(', ')} (default: the model’s usual one)`,
      ).argParser(oneOf(GROUP_SIZES)),
    )
    .addOption(
      new Option('--first-last-bits <n>', 'bits of the first and last blocks; 16: not quantized')
        .argParser(oneOf(LAYER_BITS))
        .default(8),
    )
    .addOption(
      new Option('--embedding-bits <n>', 'bits of the token embedding; 16: not quantized')
        .argParser(oneOf(LAYER_BITS))
        .default(8),
    )
    .addOption(
      new Option('--layer-bits <pattern=n>', 'bits of layers by name, with * as wildcard (repeatable)')
        .argParser(layerBits)
        .default([], 'none'),
    )
    .option('--out <name|folder>', 'name or folder of the result (default: name with bits)')
    .option('--force', 'replace an existing model folder')
    .option('--no-report', 'skip the comparison with the original')
    .option('--clips <folder>', 'recordings for the comparison, with a manifest.jsonl')
    .option('--json', 'print one JSON object')
    .addHelpText(
      'after',
      examples([
        ['sotto models quantize whisper-base', '4 bits, 8 where it matters, as whisper-base-4bit'],
        ['sotto models quantize whisper-small --embedding-bits 4 --first-last-bits 4', '4 bits throughout'],
        "sotto models quantize whisper-base --layer-bits 'encoder.*.mlp2=8' --layer-bits '*.cross_attn.*=6'",
        'sotto models quantize ~/models/turbo --bits 3 --group-size 32 --clips ~/clips',
        'sotto models quantize whisper-base --bits 8 --out ./base-8bit --no-report',
      ]),
    )
    .action(async (name: string, flags: QuantizeFlags) => {
      const paths = resolvePaths();
      const model = findModel(modelDirs(paths), modelArgument(name, paths));
      const { outputDirFor, quantizeModel, sampleClips } = await import('./quantize-model.js');
      const { bits, groupSize, firstLastBits: endBits, embeddingBits, layerBits: layers } = flags;
      outcome.exitCode = await interruptible((signal) =>
        quantizeModel({
          model,
          out: outputDirFor(paths, model.name, bits, flags.out),
          force: flags.force === true,
          options: {
            bits,
            ...defined({ groupSize }),
            endBits,
            embeddingBits,
            ...(layers.length > 0 && { layers }),
            dtype: 'float16',
          },
          clips: flags.report ? resolve(flags.clips ?? sampleClips) : undefined,
          json: flags.json === true,
          signal,
        }),
      );
    });
  hiddenAlias(command, '--keep-first-last', '--first-last-bits');
  hiddenAlias(command, '--layer', '--layer-bits');
}

type LayerBits = NonNullable<ConvertOptions['layers']>[number];

/** `encoder.*.mlp2=8` */
function layerBits(value: string, before: readonly LayerBits[]): LayerBits[] {
  const at = value.lastIndexOf('=');
  if (at < 1) throw new InvalidArgumentError('must be a pattern and bits, such as encoder.*.mlp2=8');
  return [...before, { pattern: value.slice(0, at), bits: oneOf(LAYER_BITS)(value.slice(at + 1)) }];
}

export function oneOf<T extends number>(choices: readonly T[]): (value: string) => T {
  return (value) => {
    const chosen = choices.find((choice) => String(choice) === value);
    if (chosen === undefined) throw new InvalidArgumentError(`must be one of ${choices.join(', ')}`);
    return chosen;
  };
}

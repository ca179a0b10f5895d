import { resolve } from 'node:path';
import { InvalidArgumentError, Option, type Command } from 'commander';
import { resolvePaths } from '../paths.js';
import { GROUP_SIZES, LAYER_BITS, WEIGHT_BITS, type ConvertOptions } from '../protocol/model-work.js';
import { findModel } from '../store/find-model.js';
import { modelArgument } from './models-argument.js';
import { interruptible } from './models-shelf-commands.js';
import { shelvesOf } from './shelves.js';

interface QuantizeFlags {
  bits: NonNullable<ConvertOptions['bits']>;
  groupSize: ConvertOptions['groupSize'];
  keepFirstLast: NonNullable<ConvertOptions['endBits']>;
  embeddingBits: NonNullable<ConvertOptions['embeddingBits']>;
  layer: NonNullable<ConvertOptions['layers']>;
  out?: string;
  force?: boolean;
  report: boolean;
  clips?: string;
  json?: boolean;
}

export function addQuantize(models: Command, outcome: { exitCode: number }): void {
  models
    .command('quantize')
    .summary('pack the weights of a model, and hold it beside its source')
    .description(
      'Packs the weights of a model into fewer bits, by rules for its layers, and writes an mlx-community folder.\n' +
        'Then both models transcribe labelled clips, each in a process of its own. The report tells size, memory, load\n' +
        'time, speed and wrong words of one beside the other: as good as the source within 2 %, or it says so.',
    )
    .argument('<model>', 'name or folder of a model, best one in float16')
    .addOption(
      new Option('--bits <n>', `of packed weights: ${WEIGHT_BITS.join(', ')}`)
        .argParser(oneOf(WEIGHT_BITS))
        .default(4),
    )
    .addOption(
      new Option('--group-size <n>', `packed weights that share a scale: ${GROUP_SIZES.join(', ')}`)
        .argParser(oneOf(GROUP_SIZES))
        .default(64),
    )
    .addOption(
      new Option(
        '--keep-first-last <n>',
        'bits of the first and last block of encoder and decoder; 16: not packed',
      )
        .argParser(oneOf(LAYER_BITS))
        .default(8),
    )
    .addOption(
      new Option('--embedding-bits <n>', 'bits of the token embedding, the output layer too; 16: not packed')
        .argParser(oneOf(LAYER_BITS))
        .default(8),
    )
    .addOption(
      new Option('--layer <pattern=n>', 'bits of layers by name, * for any part of it; may be given again')
        .argParser(layerBits)
        .default([], 'none'),
    )
    .option('--out <name|folder>', 'a name among your models, or a folder (default: the name with its bits)')
    .option('--force', 'replace a model folder that is there')
    .option('--no-report', 'do not compare it with its source')
    .option('--clips <folder>', 'clips for the report: a manifest.jsonl there lists file, text and language')
    .option('--json', 'as one JSON object')
    .addHelpText(
      'after',
      `
Examples:
  sotto models quantize whisper-base                  4 bits, 8 where it matters, as whisper-base-4bit
  sotto models quantize whisper-small --embedding-bits 4 --keep-first-last 4      4 bits throughout
  sotto models quantize whisper-base --layer 'encoder.*.mlp2=8' --layer '*.cross_attn.*=6'
  sotto models quantize ~/models/turbo --bits 3 --group-size 32 --clips ~/clips
  sotto models quantize whisper-base --bits 8 --out ./base-8bit --no-report`,
    )
    .action(async (name: string, flags: QuantizeFlags) => {
      const paths = resolvePaths();
      const model = findModel(shelvesOf(paths), modelArgument(name, paths));
      const { placeFor, quantizeModel, sampleClips } = await import('./models-quantize.js');
      const { bits, groupSize, keepFirstLast: endBits, embeddingBits, layer } = flags;
      outcome.exitCode = await interruptible((signal) =>
        quantizeModel({
          model,
          out: placeFor(paths, model.name, bits, flags.out),
          force: flags.force === true,
          options: {
            bits,
            groupSize,
            endBits,
            embeddingBits,
            ...(layer.length > 0 && { layers: layer }),
            dtype: 'float16',
          },
          clips: flags.report ? resolve(flags.clips ?? sampleClips) : undefined,
          json: flags.json === true,
          signal,
        }),
      );
    });
}

type LayerBits = NonNullable<ConvertOptions['layers']>[number];

/** `encoder.*.mlp2=8` */
function layerBits(value: string, before: readonly LayerBits[]): LayerBits[] {
  const at = value.lastIndexOf('=');
  if (at < 1) throw new InvalidArgumentError('a pattern and bits are expected, such as encoder.*.mlp2=8.');
  return [...before, { pattern: value.slice(0, at), bits: oneOf(LAYER_BITS)(value.slice(at + 1)) }];
}

export function oneOf<T extends number>(choices: readonly T[]): (value: string) => T {
  return (value) => {
    const chosen = choices.find((choice) => String(choice) === value);
    if (chosen === undefined) throw new InvalidArgumentError(`one of ${choices.join(', ')} is expected.`);
    return chosen;
  };
}

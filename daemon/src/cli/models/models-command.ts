/** `sotto models`: commands, flags and help. */
import { resolve } from 'node:path';
import { Option, type Command } from 'commander';
import { examples } from '../help/layout.js';
import { modelDirs, resolvePaths } from '../../paths.js';
import { GROUP_SIZES, WEIGHT_BITS, WEIGHT_TYPES, type ConvertOptions } from '../../protocol/model-process.js';
import { findModel } from '../../store/find-model.js';
import { modelArgument } from '../../store/model-argument.js';
import { addQuantize, oneOf } from './quantize-command.js';
import { addList, addInstalledModelCommands, interruptible } from './installed-model-commands.js';
import { defined } from '../../protocol/defined.js';

interface ConvertFlags {
  bits?: NonNullable<ConvertOptions['bits']>;
  groupSize?: NonNullable<ConvertOptions['groupSize']>;
  dtype: ConvertOptions['dtype'];
  force?: boolean;
}

export function addModels(program: Command, outcome: { exitCode: number }): void {
  const models = program
    .command('models')
    .summary('list, download, choose, convert and check models')
    .description(
      'List, download, choose, convert and check models: from the catalog, the Hugging Face Hub, or your own folders.',
    )
    .addHelpText(
      'after',
      examples([
        'sotto models list',
        'sotto models pull turbo',
        'sotto models verify ~/models/whisper-small',
        'sotto models quantize whisper-small',
      ]),
    );
  addInstalledModelCommands(models, outcome);
  models
    .command('convert')
    .summary('convert a model, quantized or not')
    .description(
      'Convert a model to an mlx-community folder: config.json and weights.safetensors. Without --bits the weights ' +
        'are not quantized.',
    )
    .argument('<in>', 'name or folder of a model')
    .argument('<out>', 'folder to write')
    .addOption(
      new Option('--bits <n>', `quantize weights: ${WEIGHT_BITS.join(', ')}`).argParser(oneOf(WEIGHT_BITS)),
    )
    .addOption(
      new Option(
        '--group-size <n>',
        `weights that share a scale: ${GROUP_SIZES.join(', ')} (default: the model’s usual one)`,
      ).argParser(oneOf(GROUP_SIZES)),
    )
    .addOption(new Option('--dtype <type>', 'type of other weights').choices(WEIGHT_TYPES).default('float16'))
    .option('--force', 'replace an existing model folder')
    .addHelpText(
      'after',
      examples([
        'sotto models convert ./whisper-small ~/models/small-4bit --bits 4',
        'sotto models convert ./distil-large-v3 ~/models/distil-8bit --bits 8 --group-size 32',
        'sotto models convert ./whisper-base-npz ~/models/base --dtype float16',
      ]),
    )
    .action(async (input: string, out: string, flags: ConvertFlags) => {
      const paths = resolvePaths();
      const { dir } = findModel(modelDirs(paths), modelArgument(input, paths));
      const { convertModel } = await import('./convert-model.js');
      const { bits, groupSize, dtype } = flags;
      outcome.exitCode = await interruptible((signal) =>
        convertModel({
          dir,
          out: resolve(out),
          force: flags.force === true,
          options: { dtype, ...defined({ bits, groupSize }) },
          signal,
        }),
      );
    });
  addQuantize(models, outcome);
  models
    .command('verify')
    .summary('check that a model works')
    .description(
      'Check that a model works: its files against the published hashes, its values for NaN, and a sample transcript. ' +
        'Shows family, parameters, bits and languages. Exit code 1 if it doesn’t work.',
    )
    .argument('<model>', 'name or folder of a model')
    .option('--wer <folder>', 'score the recordings in its manifest.jsonl (file, text, language)')
    .option('--json', 'print one JSON object')
    .addHelpText(
      'after',
      examples([
        'sotto models verify whisper-base-6bit',
        'sotto models verify ~/models/small-4bit --wer ~/clips',
        'sotto models verify ~/models/small-4bit --json | jq .quantization',
      ]),
    )
    .action(async (name: string, flags: { wer?: string; json?: boolean }) => {
      const paths = resolvePaths();
      const model = findModel(modelDirs(paths), modelArgument(name, paths));
      const { verifyModel } = await import('./verify-installed-model.js');
      outcome.exitCode = await interruptible((signal) =>
        verifyModel(paths, {
          model,
          ...defined({ wer: flags.wer === undefined ? undefined : resolve(flags.wer) }),
          json: flags.json === true,
          signal,
        }),
      );
    });
}

/** `sotto ls`, as in ollama. */
export function addModelsAlias(program: Command, outcome: { exitCode: number }): void {
  addList(program.command('ls', { hidden: true }), outcome);
}

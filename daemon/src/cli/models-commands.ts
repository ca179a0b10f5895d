/** `sotto models …`: what there is, getting and choosing it; a model's files, converted and looked at. */
import { resolve } from 'node:path';
import { Option, type Command } from 'commander';
import { resolvePaths } from '../paths.js';
import { GROUP_SIZES, WEIGHT_BITS, WEIGHT_TYPES, type ConvertOptions } from '../protocol/model-work.js';
import { findModel } from '../store/find-model.js';
import { modelArgument } from './models-argument.js';
import { addQuantize, oneOf } from './models-quantize-command.js';
import { addShelf, interruptible } from './models-shelf-commands.js';
import { shelvesOf } from './shelves.js';

interface ConvertFlags {
  bits?: NonNullable<ConvertOptions['bits']>;
  groupSize: ConvertOptions['groupSize'];
  dtype: ConvertOptions['dtype'];
  force?: boolean;
}

export function addModels(program: Command, outcome: { exitCode: number }): void {
  const models = program
    .command('models')
    .summary('list, get, choose, convert, quantize and check models')
    .description(
      'Models: those that are here, those of the catalogue, and any other of the hub or in a folder, in the layouts of\n' +
        'mlx-community and of Hugging Face (Whisper, distil-whisper).',
    )
    .addHelpText(
      'after',
      `
Examples:
  sotto models list                                what is here, and what suits this machine
  sotto models pull turbo                          get one; sotto models use … chooses it
  sotto models verify ~/models/whisper-small       say what it is, and whether it works
  sotto models quantize whisper-small              pack it into 4 bits, and say what that costs`,
    );
  addShelf(models, outcome);
  models
    .command('convert')
    .summary('write a model anew, packed or not')
    .description(
      'Writes a model as an mlx-community folder: config.json and weights.safetensors. Without --bits the\n' +
        'weights are not packed.',
    )
    .argument('<in>', 'name or folder of a model')
    .argument('<out>', 'the folder to write')
    .addOption(
      new Option('--bits <n>', `pack weights: ${WEIGHT_BITS.join(', ')}`).argParser(oneOf(WEIGHT_BITS)),
    )
    .addOption(
      new Option('--group-size <n>', `packed weights that share a scale: ${GROUP_SIZES.join(', ')}`)
        .argParser(oneOf(GROUP_SIZES))
        .default(64),
    )
    .addOption(new Option('--dtype <type>', 'of what is not packed').choices(WEIGHT_TYPES).default('float16'))
    .option('--force', 'replace a model folder that is there')
    .addHelpText(
      'after',
      `
Examples:
  sotto models convert ./whisper-small ~/models/small-4bit --bits 4
  sotto models convert ./distil-large-v3 ~/models/distil-8bit --bits 8 --group-size 32
  sotto models convert ./whisper-base-npz ~/models/base --dtype float16`,
    )
    .action(async (input: string, out: string, flags: ConvertFlags) => {
      const paths = resolvePaths();
      const { dir } = findModel(shelvesOf(paths), modelArgument(input, paths));
      const { convertModel } = await import('./models-convert.js');
      const { bits, groupSize, dtype } = flags;
      outcome.exitCode = await interruptible((signal) =>
        convertModel({
          dir,
          out: resolve(out),
          force: flags.force === true,
          options: { groupSize, dtype, ...(bits !== undefined && { bits }) },
          signal,
        }),
      );
    });
  addQuantize(models, outcome);
  models
    .command('verify')
    .summary('say what a model is, and whether it works')
    .description(
      'Checks the files of a pulled model against the hashes that were written down, says what a model is (family,\n' +
        'parameters, bits, languages, sha256 of its files), checks that all of its values are finite, and lets it\n' +
        'transcribe a clip. Exit code 1 if it does not work.',
    )
    .argument('<model>', 'name or folder of a model')
    .option('--wer <folder>', 'score the clips that manifest.jsonl there lists with file, text and language')
    .option('--json', 'as one JSON object')
    .addHelpText(
      'after',
      `
Examples:
  sotto models verify whisper-base-6bit
  sotto models verify ~/models/small-4bit --wer ~/clips
  sotto models verify ~/models/small-4bit --json | jq .quantization`,
    )
    .action(async (name: string, flags: { wer?: string; json?: boolean }) => {
      const paths = resolvePaths();
      const model = findModel(shelvesOf(paths), modelArgument(name, paths));
      const { verifyModel } = await import('./models-verify.js');
      outcome.exitCode = await interruptible((signal) =>
        verifyModel(paths, {
          model,
          ...(flags.wer !== undefined && { wer: resolve(flags.wer) }),
          json: flags.json === true,
          signal,
        }),
      );
    });
}

/** `sotto align`: flags and help. */
import { Option, type Command } from 'commander';
import { resolvePaths } from '../../paths.js';
import { defined } from '../../protocol/defined.js';
import { modelArgument } from '../../store/model-argument.js';
import { examples } from '../help/layout.js';
import type { Outcome } from '../transcribe/create-transcriber.js';
import type { AlignFormat } from './align-formats.js';

interface AlignFlags {
  text: string;
  model?: string;
  language?: string;
  format: AlignFormat;
  output?: string;
  overwrite?: true;
  quiet?: true;
}

export function addAlign(program: Command, outcome: Outcome): void {
  program
    .command('align')
    .summary('find the times of a known text')
    .description('Find when each word of a text is spoken. Needs a model that aligns (CTC).')
    .argument('<file>', 'audio file')
    .requiredOption('--text <file>', 'text file; a line becomes a subtitle')
    .option('-m, --model <name|folder>', 'model to use (default: the one in use)')
    .option('-l, --language <code>', 'language of the text, for models with several')
    .addOption(
      new Option('-f, --format <format>', 'output format').choices(['json', 'srt', 'vtt']).default('json'),
    )
    .option('-o, --output <file>', 'write to a file')
    .option('--overwrite', 'replace an existing file')
    .option('-q, --quiet', 'print errors only')
    .addHelpText(
      'after',
      examples([
        'sotto align talk.wav --text talk.txt --model wav2vec2-base',
        'sotto align film.mp4 --text script.txt -m mms -l de -f srt -o film.srt',
      ]),
    )
    .action(async (file: string, flags: AlignFlags) => {
      const paths = resolvePaths();
      const { align } = await import('./run-align.js');
      const { text, format, language, output } = flags;
      const model = modelArgument(flags.model, paths);
      const switches = { overwrite: flags.overwrite === true, quiet: flags.quiet === true };
      outcome.exitCode = await align({
        paths,
        file,
        textFile: text,
        format,
        ...switches,
        ...defined({ model, language, output }),
      });
    });
}

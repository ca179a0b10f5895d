/** `sotto speak`: flags and help. */
import { Option, type Command } from 'commander';
import { resolvePaths } from '../../paths.js';
import { defined } from '../../protocol/defined.js';
import type { SynthesisOptions } from '../../protocol/synthesis.js';
import { modelArgument } from '../../store/model-argument.js';
import { language, number, whole } from '../flags/flag-values.js';
import { examples } from '../help/layout.js';
import type { Outcome } from '../transcribe/create-transcriber.js';

interface SpeakFlags {
  file?: string;
  model?: string;
  voice?: string;
  language?: string;
  speed?: number;
  seed?: number;
  phonemes?: true;
  output?: string;
  float?: true;
  overwrite?: true;
  quiet?: true;
  daemon: boolean;
}

export function addSpeak(program: Command, outcome: Outcome): void {
  program
    .command('speak')
    .summary('read a text aloud into a file or a pipe')
    .description(
      'Speak a text. Without --output, WAV goes to the pipe on stdout. Needs a model that speaks; ' +
        'see `sotto models list`.',
    )
    .argument('[text...]', 'the text, or - for stdin')
    .option('--file <file>', 'read the text from this file')
    .option('-m, --model <name|folder>', 'model that speaks')
    .option('--voice <name>', 'voice of the model (default: its own)')
    .addOption(new Option('-l, --language <code>', 'language of the text, e.g. en').argParser(language))
    .addOption(new Option('--speed <factor>', '2 is twice as fast').argParser(number(0.25, 4)))
    .addOption(new Option('--seed <n>', 'the same seed gives the same audio').argParser(whole(0)))
    .option('--phonemes', 'the text is phonemes in the model’s own alphabet')
    .optionsGroup('Output:')
    .option('-o, --output <file>', 'write a .wav, .flac, .mp3 or .opus file')
    .option('--float', 'WAV of 32-bit float samples instead of 16-bit')
    .option('--overwrite', 'replace an existing file')
    .option('-q, --quiet', 'print errors only')
    .optionsGroup('Where it runs:')
    .option('--no-daemon', 'run without the daemon (loads the model for this run only)')
    .addHelpText(
      'after',
      examples([
        'sotto speak "Good morning." --model ~/models/voice --output hello.wav',
        'sotto speak --file letter.txt --output letter.mp3',
        'echo Done. | sotto speak - | ffplay -',
      ]),
    )
    .action(async (words: string[], flags: SpeakFlags) => {
      const paths = resolvePaths();
      const model = modelArgument(flags.model, paths);
      const { speak } = await import('./speak.js');
      const { file, output, daemon, float, overwrite = false, quiet = false } = flags;
      outcome.exitCode = await speak({
        paths,
        words,
        options: optionsOf(flags),
        samples: float === true ? 'float32' : 'int16',
        overwrite,
        quiet,
        daemon,
        ...defined({ file, output, model }),
      });
    });
}

function optionsOf({ voice, language, speed, seed, phonemes }: SpeakFlags): SynthesisOptions {
  return defined({ voice, language, speed, seed, phonemes });
}

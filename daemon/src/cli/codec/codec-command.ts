/** `sotto codec`: flags and help. */
import { Option, type Command } from 'commander';
import { resolvePaths } from '../../paths.js';
import { defined } from '../../protocol/defined.js';
import { modelArgument } from '../../store/model-argument.js';
import { whole } from '../flags/flag-values.js';
import { examples } from '../help/layout.js';
import type { Outcome } from '../transcribe/create-transcriber.js';

interface CommonFlags {
  model?: string;
  output?: string;
  overwrite?: true;
  quiet?: true;
  daemon: boolean;
}

interface EncodeFlags extends CommonFlags {
  codebooks?: number;
  json?: true;
}

interface DecodeFlags extends CommonFlags {
  float?: true;
}

export function addCodec(program: Command, outcome: Outcome): void {
  const codec = program
    .command('codec')
    .summary('turn audio into the codes of a codec, and back')
    .description('Encode audio as the codes of a neural codec, and decode codes into audio.')
    .addHelpText(
      'after',
      examples(['sotto codec encode talk.wav -o talk.codes', 'sotto codec decode talk.codes -o decoded.wav']),
    );
  codec
    .command('encode')
    .description('Encode an audio file. Prints JSON, or writes it to a file.')
    .argument('<file>', 'audio file')
    .option('-m, --model <name|folder>', 'codec to use (default: the one in use)')
    .addOption(new Option('--codebooks <n>', 'only the first codebooks').argParser(whole(1, 64)))
    .option('--json', 'print the codes, even on a terminal')
    .option('-o, --output <file>', 'write a .json, .codes (small) or .ecdc file')
    .option('--overwrite', 'replace an existing file')
    .option('-q, --quiet', 'print errors only')
    .option('--no-daemon', 'run without the daemon (loads the model for this run only)')
    .addHelpText('after', examples(['sotto codec encode talk.wav --model mimi --output talk.json']))
    .action(async (file: string, flags: EncodeFlags) => {
      const { paths, common } = commonOf(flags);
      const { encode } = await import('./encode-audio.js');
      const options = defined({ codebooks: flags.codebooks });
      outcome.exitCode = await encode({ paths, file, options, json: flags.json === true, ...common });
    });
  codec
    .command('decode')
    .description('Decode codes into an audio file. Without --output, WAV goes to the pipe on stdout.')
    .argument('<file>', 'codes of `sotto codec encode`, or an .ecdc file')
    .option('-m, --model <name|folder>', 'codec to use (default: the one named in the file)')
    .option('-o, --output <file>', 'write a .wav, .flac, .mp3 or .opus file')
    .option('--float', 'WAV of 32-bit float samples instead of 16-bit')
    .option('--overwrite', 'replace an existing file')
    .option('-q, --quiet', 'print errors only')
    .option('--no-daemon', 'run without the daemon (loads the model for this run only)')
    .addHelpText('after', examples(['sotto codec decode talk.json --output talk-decoded.wav']))
    .action(async (file: string, flags: DecodeFlags) => {
      const { paths, common } = commonOf(flags);
      const { decode } = await import('./decode-codes.js');
      const samples = flags.float === true ? 'float32' : 'int16';
      outcome.exitCode = await decode(file, { paths, samples, ...common });
    });
  codec
    .command('info')
    .description('Describe a codec: rate, codebooks, and bits per second.')
    .option('-m, --model <name|folder>', 'codec to describe (default: the one in use)')
    .option('--json', 'print one JSON object')
    .addHelpText('after', examples(['sotto codec info --model mimi']))
    .action(async (flags: { model?: string; json?: true }) => {
      const paths = resolvePaths();
      const { codecInfo } = await import('./codec-info.js');
      outcome.exitCode = await codecInfo(paths, modelArgument(flags.model, paths), flags.json === true);
    });
}

function commonOf({ model: wanted, output, overwrite, quiet, daemon }: CommonFlags) {
  const paths = resolvePaths();
  const model = modelArgument(wanted, paths);
  const switches = { overwrite: overwrite === true, quiet: quiet === true, daemon };
  return { paths, common: { ...switches, ...defined({ model, output }) } };
}

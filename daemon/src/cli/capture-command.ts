/** `sotto capture`: for launchers, hidden from people. */
import { Option, type Command } from 'commander';
import { resolvePaths } from '../paths.js';
import { language } from './flag-values.js';
import { modelArgument } from './models-argument.js';
import type { Outcome } from './transcribers.js';

interface CaptureFlags {
  model?: string;
  language?: string;
  prompt?: string;
  device?: string;
  from?: string;
  refine: boolean;
  goOn?: boolean;
}

export function addCapture(program: Command, outcome: Outcome): void {
  program
    .command('capture', { hidden: true })
    .summary('a dictation in the background, for launchers')
    .description(
      'Begins a dictation that goes on when the command that began it is gone. Others find it at the socket `capture`\n' +
        'beside the daemon’s (protocol/capture.ts). One at a time.',
    )
    .option('-m, --model <name|folder>', 'the model to use (default: the daemon’s own)')
    .addOption(new Option('-l, --language <code>', 'spoken language (default: detected)').argParser(language))
    .option('-p, --prompt <text>', 'text that counts as said before: names, spelling, style')
    .option('-d, --device <name|number>', 'the microphone (default: the system’s)')
    .option('--from <file>', 'take a file in place of the microphone, as if it were spoken')
    .option('--no-refine', 'do not go over the whole text at the end')
    .option('--go-on', 'go on when nobody looks at it any more (default: finish)')
    .addHelpText('after', '\nExample:\n  sotto capture --go-on --language de')
    .action(async (flags: CaptureFlags) => {
      const paths = resolvePaths();
      const model = modelArgument(flags.model, paths);
      const source = await sourceFor(flags);
      const { runCapture } = await import('./capture/run-capture.js');
      outcome.exitCode = await runCapture({
        paths,
        source,
        refine: flags.refine,
        alone: flags.goOn === true ? 'go on' : 'finish',
        ...(model !== undefined && { model }),
        ...(flags.language !== undefined && { language: flags.language }),
        ...(flags.prompt !== undefined && { prompt: flags.prompt }),
      });
    });
}

/** The microphone opens while the rest is loaded: a word that is said at once is not lost. */
async function sourceFor({ device, from }: CaptureFlags) {
  if (from !== undefined) {
    const { FileSource } = await import('./dictate/file-source.js');
    return new FileSource(from, { ready: () => Promise.resolve() });
  }
  const { Microphone } = await import('./microphone/microphone.js');
  return new Microphone(device === undefined ? {} : { device });
}

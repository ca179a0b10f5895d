/** `sotto capture`: for launchers, hidden from people. */
import { Option, type Command } from 'commander';
import { resolvePaths } from '../paths.js';
import type { CaptureOptions } from '../protocol/capture.js';
import { language, number } from './flag-values.js';
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
  sounds?: boolean;
  leave?: boolean;
  parent?: number;
}

export function addCapture(program: Command, outcome: Outcome): void {
  program
    .command('capture', { hidden: true })
    .summary('a dictation in the background, for launchers')
    .description(
      'Begins a dictation that goes on when the command that began it is gone. Others find it at the socket `c` beside\n' +
        'the daemon’s (protocol/capture.ts). One at a time; the process waits for the next one, with the microphone closed,\n' +
        'until whoever started it ends.',
    )
    .option('-m, --model <name|folder>', 'the model to use (default: the daemon’s own)')
    .addOption(new Option('-l, --language <code>', 'spoken language (default: detected)').argParser(language))
    .option('-p, --prompt <text>', 'text that counts as said before: names, spelling, style')
    .option('-d, --device <name|number>', 'the microphone (default: the system’s)')
    .option('--from <file>', 'take a file in place of the microphone, as if it were spoken')
    .option('--no-refine', 'do not go over the whole text at the end')
    .option('--go-on', 'go on when nobody looks at it any more (default: finish)')
    .option('--sounds', 'a sound when it listens, and when it does no more (macOS)')
    .addOption(
      new Option(
        '--parent <pid>',
        'the process that it must not outlive (default: its own parent)',
      ).argParser(number(1, 2 ** 31)),
    )
    .option('--leave', 'begin nothing: end the process that waits, once its dictation is finished')
    .addHelpText('after', '\nExamples:\n  sotto capture --go-on --language de\n  sotto capture --leave')
    .action(async (flags: CaptureFlags) => {
      const paths = resolvePaths();
      if (flags.leave === true) {
        const { BackgroundCapture } = await import('../client/background-capture.js');
        await BackgroundCapture.leave(paths.capture);
        return;
      }
      const source = await sourceFor(flags);
      const { runCapture } = await import('./capture/run-capture.js');
      outcome.exitCode = await runCapture({
        paths,
        source,
        options: optionsOf(flags),
        ...(flags.parent !== undefined && { parent: flags.parent }),
      });
    });
}

function optionsOf({
  goOn,
  refine,
  sounds,
  device,
  from,
  language,
  model,
  prompt,
}: CaptureFlags): CaptureOptions {
  return {
    refine,
    ...(goOn !== undefined && { goOn }),
    ...(sounds !== undefined && { sounds }),
    ...(device !== undefined && { device }),
    ...(from !== undefined && { from }),
    ...(language !== undefined && { language }),
    // By its path where that is what it is: the process that serves may be in another folder.
    ...(model !== undefined && { model: modelArgument(model, resolvePaths()) ?? model }),
    ...(prompt !== undefined && { prompt }),
  };
}

/** The microphone opens while the rest is loaded: a word that is said at once is not lost. */
async function sourceFor({ device, from }: CaptureFlags) {
  if (from !== undefined) {
    const { FileSource } = await import('./dictate/file-source.js');
    return new FileSource(from, { ready: () => Promise.resolve() });
  }
  const { Microphone } = await import('./microphone/microphone.js');
  return new Microphone({ orDefault: true, ...(device !== undefined && { device }) });
}

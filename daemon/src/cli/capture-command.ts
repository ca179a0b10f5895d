/** `sotto capture`: for launchers, hidden from help. */
import { Option, type Command } from 'commander';
import { examples } from './help/layout.js';
import { resolvePaths } from '../paths.js';
import type { CaptureOptions } from '../protocol/capture.js';
import { language, number } from './flags/flag-values.js';
import { hiddenAlias } from './flags/hidden-alias.js';
import { modelArgument } from '../store/model-argument.js';
import type { Outcome } from './transcribe/create-transcriber.js';
import { defined } from '../protocol/defined.js';

interface CaptureFlags {
  model?: string;
  language?: string;
  initialPrompt?: string;
  device?: string;
  from?: string;
  refine: boolean;
  keepListening?: boolean;
  sounds?: boolean;
  leave?: boolean;
  parent?: number;
}

export function addCapture(program: Command, outcome: Outcome): void {
  const command = program
    .command('capture', { hidden: true })
    .summary('background dictation, for launchers')
    .description(
      'Run a dictation in the background. Other programs control it over the socket `c` beside the daemon’s ' +
        '(protocol/capture.ts). One at a time; between dictations the process waits with the microphone closed, until ' +
        'its parent exits.',
    )
    .option('-m, --model <name|folder>', 'model to use (default: the one in use)')
    .addOption(new Option('-l, --language <code>', 'spoken language (default: detected)').argParser(language))
    .option('-p, --initial-prompt <text>', 'text before the first window: names, spelling, style')
    .option('-d, --device <name|number>', 'microphone (default: the system’s)')
    .option('--from <file>', 'use a file instead of the microphone')
    .option('--no-refine', 'don’t re-decode the recording at the end')
    .option('--keep-listening', 'keep listening without a viewer (default: finish)')
    .option('--sounds', 'play a sound at the start and the end (macOS)')
    .addOption(
      new Option('--parent <pid>', 'exit when this process does (default: the parent)').argParser(
        number(1, 2 ** 31),
      ),
    )
    .option('--leave', 'stop the waiting process once its dictation is finished')
    .addHelpText('after', examples(['sotto capture --keep-listening --language de', 'sotto capture --leave']))
    .action(async (flags: CaptureFlags) => {
      const paths = resolvePaths();
      if (flags.leave === true) {
        const { CaptureClient } = await import('../client/capture-client.js');
        await CaptureClient.leave(paths.capture);
        return;
      }
      const source = await sourceFor(flags);
      const [{ runCapture }, { AUTO_IDLE_EXIT_MINUTES, findOrStartDaemon }] = await Promise.all([
        import('../capture/run-capture.js'),
        import('./daemon/start-daemon.js'),
      ]);
      outcome.exitCode = await runCapture({
        paths,
        source,
        connect: async () =>
          (await findOrStartDaemon({ paths, idleExitMinutes: AUTO_IDLE_EXIT_MINUTES })).client,
        options: optionsOf(flags),
        ...defined({ parent: flags.parent }),
      });
    });
  hiddenAlias(command, '--prompt', '--initial-prompt');
  hiddenAlias(command, '--go-on', '--keep-listening');
}

function optionsOf({
  keepListening,
  refine,
  sounds,
  device,
  from,
  language,
  model,
  initialPrompt: prompt,
}: CaptureFlags): CaptureOptions {
  return {
    refine,
    ...defined({ keepListening, sounds, device, from, language }),
    // As a path: the process that serves may have another working directory.
    ...defined({
      model: model === undefined ? undefined : (modelArgument(model, resolvePaths()) ?? model),
      prompt,
    }),
  };
}

/** Opens the microphone while the rest loads, so that the first words aren't lost. */
async function sourceFor({ device, from }: CaptureFlags) {
  if (from !== undefined) {
    const { FileAudioSource } = await import('../capture/file-audio-source.js');
    return new FileAudioSource(from, { ready: () => Promise.resolve() });
  }
  const { Microphone } = await import('../capture/microphone/microphone.js');
  return new Microphone({ orDefault: true, ...defined({ device }) });
}

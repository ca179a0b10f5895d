/** `sotto dictate`: its flags and its help. The implementation is loaded when it is called. */
import { Option, type Command } from 'commander';
import { resolvePaths } from '../paths.js';
import { flagRequires, flagsConflict } from './flags/flag-errors.js';
import type { AudioSource } from '../capture/audio-source.js';
import { language } from './flags/flag-values.js';
import { hiddenAlias } from './flags/hidden-alias.js';
import { examples, isExpanded, setCommonOptions } from './help/layout.js';
import { modelArgument } from '../store/model-argument.js';
import type { Outcome } from './transcribe/create-transcriber.js';
import { defined } from '../protocol/defined.js';

export interface DictateFlags {
  model?: string;
  language?: string;
  initialPrompt?: string;
  /** False: ignore the user's words and replacements. */
  vocabulary?: boolean;
  refine?: boolean;
  from?: string;
  fast?: true;
  device?: string;
  listDevices?: true;
  events?: true;
  copy?: true;
  output?: string;
  overwrite?: true;
}

export function addDictate(program: Command, outcome: Outcome): void {
  const command = program
    .command('dictate')
    .summary('show your words while you speak')
    .description(
      'Dictate: see your words as you speak. Dim words may still change. Enter or Ctrl-C finishes and prints the ' +
        'text, Esc discards it. Press Ctrl-C twice to leave at once; the text is saved to history.',
    )
    .option('-m, --model <name|folder>', 'model to use (default: the one in use)')
    .addOption(
      new Option('-l, --language <code>', 'spoken language, e.g. en or de (default: detected)').argParser(
        language,
      ),
    )
    .option('-p, --initial-prompt <text>', 'text before the first window: names, spelling, style')
    .option('--no-vocabulary', 'ignore your vocabulary')
    .addOption(new Option('--refine', 're-decode the whole recording at the end (default)'))
    .addOption(new Option('--no-refine', 'don’t re-decode (default with --events)'))
    .optionsGroup('Audio:')
    .option('-d, --device <name|number>', 'microphone, by number or part of its name (default: the system’s)')
    .option('--list-devices', 'list the microphones')
    .option('--from <file>', 'use a file instead of the microphone')
    .option('--fast', 'with --from: don’t play in real time')
    .optionsGroup('Output:')
    .option('-c, --copy', 'also copy to the clipboard')
    .option('-o, --output <file>', 'write the final text to this file')
    .option('--overwrite', 'replace a file that Sotto did not write, or that was edited')
    .option('--events', 'print events as JSON lines; t is ms since the first sample')
    .addHelpText(
      'after',
      examples(
        [
          'sotto dictate',
          ['sotto dictate --copy', 'ready to paste'],
          ['sotto dictate > note.txt', 'words on the screen, text in the file'],
          'sotto dictate --language de --initial-prompt "Sotto, Kubernetes, Nguyen"',
          ['sotto dictate --from talk.mp3', 'try it without a microphone'],
          `sotto dictate --from talk.mp3 --fast --events | jq -j 'select(.type == "committed").text'`,
        ],
        3,
      ),
    )
    .addHelpText('after', ({ command }) =>
      isExpanded(command)
        ? '\nThe texts of all `committed` events joined are the committed text. The text of `final` is the result;\n' +
          'with --refine it may differ from the committed text.'
        : '',
    )
    .action(async (flags: DictateFlags) => {
      checkFlags(flags);
      const paths = resolvePaths();
      const model = modelArgument(flags.model, paths);
      if (flags.listDevices === true) {
        const { printMicrophones } = await import('../capture/microphone/microphone.js');
        outcome.exitCode = await printMicrophones();
        return;
      }
      const { Deliverer } = await import('./dictate/deliver.js');
      const deliverer = await Deliverer.prepare(flags, paths);
      // Opened first, so that the rest loads while the microphone opens.
      const microphone = flags.from === undefined ? await openMicrophone(flags.device) : undefined;
      try {
        const { runDictate } = await import('./dictate/run-dictate.js');
        const run = { flags: { ...flags, ...defined({ model }) }, paths, deliverer };
        outcome.exitCode = await runDictate({ ...run, ...defined({ microphone }) });
      } finally {
        microphone?.stop();
      }
    });
  hiddenAlias(command, '--prompt', '--initial-prompt');
  setCommonOptions(command, [
    '--model',
    '--language',
    '--device',
    '--list-devices',
    '--from',
    '--copy',
    '--output',
  ]);
}

async function openMicrophone(device: string | undefined): Promise<AudioSource> {
  const { Microphone } = await import('../capture/microphone/microphone.js');
  return new Microphone(device === undefined ? {} : { device });
}

/** @throws SottoError INVALID_ARGUMENT for a flag that needs another one, or conflicts with it */
export function checkFlags({ from, fast, device, listDevices, output, overwrite }: DictateFlags): void {
  if (fast === true && from === undefined) throw flagRequires('--fast', '--from FILE');
  if (overwrite === true && output === undefined) throw flagRequires('--overwrite', '--output FILE');
  if (from === undefined) return;
  if (device !== undefined) throw flagsConflict('--device', '--from');
  if (listDevices === true) throw flagsConflict('--from', '--list-devices');
}

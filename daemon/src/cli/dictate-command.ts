/** `sotto dictate`: its flags and its help. What it runs on is loaded when it is called. */
import { Option, type Command } from 'commander';
import { resolvePaths } from '../paths.js';
import { SottoError } from '../protocol/errors.js';
import type { Source } from './dictate/source.js';
import { language } from './flag-values.js';
import { modelArgument } from './models-argument.js';
import type { Outcome } from './transcribers.js';

export interface DictateFlags {
  model?: string;
  language?: string;
  prompt?: string;
  /** False: the user's own words and replacements are not used. */
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
  program
    .command('dictate')
    .summary('turn what you say into text while you say it')
    .description(
      'Turns what you say into text while you say it. Plain words are said for good, dim ones may still change. ' +
        'Enter or Ctrl-C ends it and gives the text; a second Ctrl-C leaves at once, and the daemon keeps the text in ' +
        'its history. Esc discards all of it.',
    )
    .option('-m, --model <name|folder>', 'the model to use (default: the daemon’s own)')
    .addOption(
      new Option('-l, --language <code>', 'spoken language, e.g. en or de (default: detected)').argParser(
        language,
      ),
    )
    .option('-p, --prompt <text>', 'text that counts as said before: names, spelling, style')
    .option('--no-vocabulary', 'without your own words and replacements (sotto vocabulary)')
    .addOption(
      new Option('--refine', 'decode all of it once more at the end, and take the better text (default)'),
    )
    .addOption(new Option('--no-refine', 'the text is what was committed (default with --events)'))
    .optionsGroup('Sound:')
    .option(
      '-d, --device <name|number>',
      'the microphone: a part of its name is enough (default: the system’s)',
    )
    .option('--list-devices', 'list the microphones and do nothing else')
    .option('--from <file>', 'take a file in place of the microphone, as if it were spoken')
    .option('--fast', 'with --from: as fast as it can be taken, not paced')
    .optionsGroup('Output:')
    .option('-c, --copy', 'put the text on the clipboard, too')
    .option(
      '-o, --output <file>',
      'write the text there when it is done; on a terminal it is shown all the same',
    )
    .option('--overwrite', 'replace a file that Sotto did not write, or that was edited')
    .option('--events', 'one JSON object a line, with t in ms since the first sample was sent')
    .addHelpText(
      'after',
      `
Examples:
  sotto dictate
  sotto dictate --copy                             ready to be pasted
  sotto dictate > note.txt                         the words on the screen, the text in the file
  sotto dictate --language de --prompt "Sotto, Kubernetes, Nguyen"
  sotto dictate --from talk.mp3                    try it without a microphone
  sotto dictate --from talk.mp3 --fast --events | jq -j 'select(.type == "committed").text'

The committed texts joined are the committed text; the text of \`final\` is the one that counts. With refinement it may
be another one, better as a whole.`,
    )
    .action(async (flags: DictateFlags) => {
      checkFlags(flags);
      const paths = resolvePaths();
      const model = modelArgument(flags.model, paths);
      if (flags.listDevices === true) {
        const { printMicrophones } = await import('./microphone/print-microphones.js');
        outcome.exitCode = await printMicrophones();
        return;
      }
      const { Delivering } = await import('./dictate/deliver.js');
      const delivering = await Delivering.prepare(flags, paths);
      // First of all: while the microphone opens, this process has time for the rest.
      const microphone = flags.from === undefined ? await openMicrophone(flags.device) : undefined;
      try {
        const { runDictate } = await import('./dictate/run.js');
        const run = { flags: { ...flags, ...(model === undefined ? {} : { model }) }, paths, delivering };
        outcome.exitCode = await runDictate({ ...run, ...(microphone === undefined ? {} : { microphone }) });
      } finally {
        microphone?.stop();
      }
    });
}

async function openMicrophone(device: string | undefined): Promise<Source> {
  const { Microphone } = await import('./microphone/microphone.js');
  return new Microphone(device === undefined ? {} : { device });
}

/** @throws SottoError INVALID_ARGUMENT where a flag has nothing to work on */
export function checkFlags({ from, fast, device, listDevices, output, overwrite }: DictateFlags): void {
  const idle = (flag: string, hint: string): SottoError =>
    new SottoError('INVALID_ARGUMENT', `${flag} has no effect here`, { hint });
  if (fast === true && from === undefined) throw idle('--fast', 'add --from FILE, or leave it out');
  if (overwrite === true && output === undefined)
    throw idle('--overwrite', 'add --output FILE, or leave it out');
  if (from === undefined) return;
  if (device !== undefined) throw idle('--device', 'leave it out, or leave out --from');
  if (listDevices === true) throw idle('--from', 'leave it out, or leave out --list-devices');
}

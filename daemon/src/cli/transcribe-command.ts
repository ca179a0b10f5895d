/** `sotto transcribe`: its flags and its help. */
import { Argument, Option, type Command } from 'commander';
import { resolvePaths } from '../paths.js';
import { addBatchFlags, batchFlagOf, batchOf, type BatchFlags } from './batch/flags.js';
import { addDecodeFlags, askedOf, type DecodeFlags } from './decode-flags.js';
import {
  destinationOf,
  formatOfName,
  isFolder,
  type Destination,
  type DestinationFlags,
} from './destination.js';
import { format, whole } from './flag-values.js';
import { modelArgument } from './models-argument.js';
import { outputPlan, type OutputFlags } from './output-flags.js';
import { inputsOf, isStreamed } from './inputs.js';
import { NO_OUTPUTS, openOutputs } from './outputs.js';
import { transcribeAll } from './transcribe.js';
import {
  chooseBatchView,
  chooseView,
  daemonTranscriber,
  ownEngine,
  withInterrupt,
  type Outcome,
} from './transcribers.js';
import { SottoError } from '../protocol/errors.js';
import { queueOption } from './worker-command.js';
import { FORMAT_NAMES, type FormatName } from '../writers/index.js';

interface TranscribeFlags extends Omit<OutputFlags, 'format'>, DecodeFlags, BatchFlags, DestinationFlags {
  format?: FormatName;
  model?: string;
  daemon: boolean;
  queue?: string;
  detach?: true;
}

export function addTranscribe(program: Command, outcome: Outcome): void {
  const command = program
    .command('transcribe')
    .summary('turn audio or video files, or folders of them, into text')
    .description(
      'Turns audio or video files into text. The work is done by a daemon that keeps the model warm; ' +
        'if none runs, one is started and leaves again after a while without work.\n\n' +
        'The text of a file is printed. Of a folder it is written beside each file, or below --output-dir. The same ' +
        'command again continues an interrupted run, and skips what is done. Files that Sotto did not write, or that ' +
        'have changed since, are kept.',
    )
    .addArgument(
      new Argument(
        '<file|folder...>',
        'WAV, FLAC, MP3, M4A, MP4, OGG, Opus, WebM, AIFF, folders of them, a URL, or - for stdin',
      ),
    )
    .option('-m, --model <name|folder>', 'the model to use (default: the daemon’s own)')
    .option('--no-daemon', 'load the model in this process’s own engine, and only for this call')
    .addOption(
      queueOption('have other machines do it (sotto worker); addresses of sound, too').conflicts('daemon'),
    )
    .addOption(new Option('--detach', 'with --queue: hand the files in, and do not wait'))
    .optionsGroup('Output:')
    .addOption(
      new Option('-f, --format <format>', 'what to write (default: by the name of -o, or text)')
        .choices(FORMAT_NAMES)
        .argParser(format),
    )
    .option('-o, --output <path>', 'write to this file; a folder for several inputs')
    .option('--output-dir <folder>', 'write a file for each input there, with the tree of folders')
    .option('--overwrite', 'replace files that Sotto did not write, or that were edited')
    .option('-q, --quiet', 'print texts and errors only: no progress, no notes')
    .option('-w, --word-timestamps', 'find the time of each word; json, vtt and html show them')
    .option('--highlight-words', 'srt, vtt: a cue for each word, with that word underlined')
    .addOption(
      new Option(
        '--max-line-width <columns>',
        'srt, vtt: break lines at this width; cues then have up to 2 lines',
      ).argParser(whole(8)),
    )
    .addOption(
      new Option(
        '--max-line-count <lines>',
        'srt, vtt: lines of a cue; they are up to 42 columns wide if nothing else is said',
      ).argParser(whole(1)),
    )
    .addOption(
      new Option(
        '--max-words-per-line <words>',
        'srt, vtt: words of a line; cues then have 1 line if nothing else is said',
      ).argParser(whole(1)),
    );
  addBatchFlags(command);
  addDecodeFlags(command)
    .addHelpText(
      'after',
      `
Examples:
  sotto transcribe talk.mp3
  sotto transcribe talk.mp3 -o talk.srt
  curl -sL https://files.example/talk.mp3 | sotto transcribe -
  sotto transcribe one.wav two.flac --format json | jq .text
  sotto transcribe recordings --recursive --format srt     again: only what is new
  sotto transcribe ~/Meetings --watch --include "*.m4a" --output-dir ~/Notes
  sotto transcribe interview.m4a --language de --format vtt --output subtitles
  sotto transcribe film.mp4 --format srt --max-line-width 42 --max-line-count 2 > film.srt
  sotto transcribe song.flac --format vtt --max-words-per-line 6 --highlight-words
  sotto transcribe talk.mp3 --format json --word-timestamps | jq .segments[].words[]
  sotto transcribe talk.mp3 --format html > talk.html   a page that plays the sound and lights up its words
  sotto transcribe standup.m4a --hotwords "ComfyUI, Kubernetes, Nguyen"
  sotto transcribe lecture.mp3 --batch-size 8           quicker: eight windows at once
  sotto transcribe lecture.mp3 --beam-size 5
  sotto transcribe talk.mp3 --model ~/models/whisper-large-v3-turbo-4bit
  sotto transcribe /Volumes/share/talks --queue redis://queue.local    other machines do it: sotto worker --help
  sotto transcribe https://files.example/talk.mp3 --queue redis://queue.local > talk.txt`,
    )
    .action(async (files: string[], flags: TranscribeFlags) => {
      if (flags.queue === undefined && flags.detach === true) {
        throw new SottoError('INVALID_ARGUMENT', '--detach is for work that is handed to a queue', {
          hint: 'add --queue URL, or leave it out',
        });
      }
      const destination = destinationOf(files, flags);
      const format = flags.format ?? formatIn(destination) ?? 'text';
      if (flags.queue !== undefined) checkQueueFlags(flags, destination);
      const folder = destination.to === 'folder' ? destination.path : undefined;
      const batch = flags.queue === undefined ? batchFor(files, flags, folder) : undefined;
      const printed = batch === undefined && destination.to === 'stdout' && flags.queue === undefined;
      const plan = outputPlan({ ...flags, format }, printed ? files.length : 0);
      const options = {
        ...(plan.wordTimestamps && { wordTimestamps: true }),
        ...(format === 'text' && !plan.wordTimestamps && { timestamps: 'auto' as const }),
        ...askedOf(flags),
      };
      const paths = resolvePaths();
      const model = modelArgument(flags.model, paths);
      const recipe = { options, format, writer: plan.writer, ...(model !== undefined && { model }) };
      const quiet = flags.quiet === true;
      if (flags.queue !== undefined) {
        const { transcribeByQueue } = await import('./worker/submit-to-queue.js');
        const wanted = { ...flags, ...(folder !== undefined && { output: folder }) };
        outcome.exitCode = await transcribeByQueue(files, flags.queue, wanted, recipe);
        return;
      }
      // First of all: while the engine starts, this process has time for the rest.
      const own = flags.daemon ? undefined : await ownEngine(paths);
      if (batch !== undefined) {
        const [{ transcribeBatch }, { Tally }] = await Promise.all([
          import('./batch/batch.js'),
          import('./batch/tally.js'),
        ]);
        const tally = new Tally();
        const view = await chooseBatchView(tally, quiet);
        const transcriber = own ?? (await daemonTranscriber(paths, view, model));
        await withInterrupt(transcriber, outcome, (signal) =>
          transcribeBatch({ ...recipe, ...batch }, { paths, transcriber, tally, view, signal }),
        );
        return;
      }
      const many = printed && files.length > 1;
      const isText = format === 'text';
      const view = await chooseView({ headers: many && isText, wrap: isText, quiet });
      if (many && ['srt', 'vtt', 'tsv'].includes(format)) {
        view.note(
          `several ${format} documents follow each other; --output-dir FOLDER writes a file for each`,
        );
      }
      // On a terminal the view prints them, in bold.
      const headings = many && isText && !(process.stdout.isTTY && process.stderr.isTTY && !quiet);
      const run = { ...recipe, inputs: inputsOf(files, paths), destination, headings };
      const outputs = printed ? NO_OUTPUTS : await openOutputs(paths, flags.overwrite === true);
      const transcriber = own ?? (await daemonTranscriber(paths, view, model));
      await withInterrupt(transcriber, outcome, (signal) =>
        transcribeAll(run, { outputs, transcriber, view, signal }),
      );
    });
}

/** @throws SottoError INVALID_ARGUMENT */
function batchFor(args: readonly string[], flags: BatchFlags, folder: string | undefined) {
  const streamed = args.find(isStreamed);
  if (streamed === undefined) return batchOf(args, flags, folder);
  if (args.some(isFolder) || batchFlagOf(flags) !== undefined) {
    throw new SottoError('INVALID_ARGUMENT', `${streamed} can’t be transcribed together with folders`, {
      hint: 'use a command of its own, without the flags for folders',
    });
  }
  return undefined;
}

function formatIn(destination: Destination): FormatName | undefined {
  return destination.to === 'file' ? formatOfName(destination.path) : undefined;
}

/** What is about texts that this process writes. @throws SottoError INVALID_ARGUMENT */
function checkQueueFlags({ overwrite, force, quiet }: TranscribeFlags, { to }: Destination): void {
  const named = Object.entries({ '--overwrite': overwrite, '--force': force, '--quiet': quiet });
  const idle = named.find(([, value]) => value !== undefined)?.[0];
  if (idle !== undefined) {
    throw new SottoError('INVALID_ARGUMENT', `${idle} has no effect on work that is handed to a queue`, {
      hint: 'leave it out, or leave out --queue',
    });
  }
  if (to === 'file') {
    throw new SottoError('INVALID_ARGUMENT', 'with --queue, texts go to a folder, not to a file', {
      hint: 'use --output-dir FOLDER',
    });
  }
}

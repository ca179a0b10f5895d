/** `sotto transcribe`: flags and help. */
import { Argument, Option, type Command } from 'commander';
import { examples, setCommonOptions } from '../help/layout.js';
import { resolvePaths, type Paths } from '../../paths.js';
import { addBatchFlags, firstBatchFlag, toBatchRequest, type BatchFlags } from './batch-flags.js';
import { addDecodeFlags, toTranscribeOptions, type DecodeFlags } from '../flags/decode-flags.js';
import {
  destinationOf,
  formatOfName,
  isFolder,
  type Destination,
  type DestinationFlags,
} from '../flags/destination.js';
import { format, whole } from '../flags/flag-values.js';
import { modelArgument } from '../../store/model-argument.js';
import { outputPlan, type OutputFlags } from '../flags/output-flags.js';
import { inputsOf, isStreamed, type Input } from './inputs.js';
import { NO_OUTPUTS, openOutputs } from '../../writers/placement/outputs.js';
import { transcribeAll, type TranscribeRequest } from './transcribe-files.js';
import type { Transcriber } from '../../batch/transcriber.js';
import {
  chooseBatchView,
  chooseView,
  daemonTranscriber,
  inProcessTranscriber,
  withInterrupt,
  type Outcome,
} from './create-transcriber.js';
import { INTERRUPTED } from '../interrupt.js';
import { SottoError } from '../../protocol/errors.js';
import { queueOption } from '../worker/worker-command.js';
import { FORMAT_NAMES, type FormatName } from '../../writers/index.js';
import { defined } from '../../protocol/defined.js';

interface TranscribeFlags extends Omit<OutputFlags, 'format'>, DecodeFlags, BatchFlags, DestinationFlags {
  format?: FormatName;
  model?: string;
  daemon: boolean;
  queue?: string;
  detach?: true;
}

/** Options in `--help`; `--help-all` shows the rest. */
const COMMON = [
  '--model',
  '--language',
  '--task',
  '--format',
  '--output',
  '--word-timestamps',
  '--recursive',
  '--include',
  '--watch',
  '--hotwords',
  '--beam-size',
];

const BATCH_EXIT_CODES = { done: 0, 'some-failed': 1, interrupted: INTERRUPTED } as const;

export function addTranscribe(program: Command, outcome: Outcome): void {
  const command = program
    .command('transcribe')
    .summary('transcribe audio or video files, or folders of them')
    .description(
      'Transcribe audio or video files. The text of a file is printed. For folders, each transcript is saved next to ' +
        'its file, or under --output-dir; run the same command again to resume. Finished and edited files are kept.\n\n' +
        'Runs in a background daemon that keeps the model loaded. Started automatically; exits when idle.',
    )
    .addArgument(
      new Argument(
        '<file|folder...>',
        'WAV, FLAC, MP3, M4A, MP4, OGG, Opus, WebM, AIFF, folders of them, a URL, or - for stdin',
      ),
    )
    .option('-m, --model <name|folder>', 'model to use (default: the one in use)');
  addOutputFlags(command);
  addBatchFlags(command);
  addDecodeFlags(command);
  addPlaceFlags(command);
  command
    .addHelpText(
      'after',
      examples(
        [
          'sotto transcribe talk.mp3',
          'sotto transcribe talk.mp3 -o talk.srt',
          ['sotto transcribe recordings -r --format srt', 'again: only new files'],
          'curl -sL https://files.example/talk.mp3 | sotto transcribe -',
          'sotto transcribe one.wav two.flac --format json | jq .text',
          'sotto transcribe ~/Meetings --watch --include "*.m4a" --output-dir ~/Notes',
          'sotto transcribe film.mp4 --format srt --max-line-width 42 --max-line-count 2 > film.srt',
          'sotto transcribe song.flac --format vtt --max-words-per-line 6 --highlight-words',
          'sotto transcribe talk.mp3 --format json --word-timestamps | jq .segments[].words[]',
          ['sotto transcribe talk.mp3 --align-model wav2vec2-base-960h --format srt', 'more exact times'],
          ['sotto transcribe talk.mp3 --format html > talk.html', 'a page that plays the audio'],
          'sotto transcribe standup.m4a --hotwords "ComfyUI, Kubernetes, Nguyen"',
          ['sotto transcribe lecture.mp3 --batch-size 8', 'faster: eight windows at once'],
          'sotto transcribe lecture.mp3 --beam-size 5',
          'sotto transcribe talk.mp3 --model ~/models/whisper-large-v3-turbo-4bit',
          'sotto transcribe /Volumes/share/talks --queue redis://queue.local',
          'sotto transcribe https://files.example/talk.mp3 --queue redis://queue.local > talk.txt',
        ],
        3,
      ),
    )
    .action((files: string[], flags: TranscribeFlags) => transcribe(files, flags, outcome));
  setCommonOptions(command, COMMON);
}

function addOutputFlags(command: Command): void {
  command
    .optionsGroup('Output:')
    .addOption(
      new Option('-f, --format <format>', 'output format (default: by the name of -o, or text)')
        .choices(FORMAT_NAMES)
        .argParser(format),
    )
    .option('-o, --output <path>', 'write to this file; a folder for several inputs')
    .option('--output-dir <folder>', 'write one file per input here, keeping the folder structure')
    .option('--overwrite', 'replace files that Sotto did not write, or that were edited')
    .option('-q, --quiet', 'print texts and errors only')
    .option('-w, --word-timestamps', 'include word timestamps (json, vtt, html)')
    .option('--align-model <name|folder>', 'word times of this CTC model (Wav2Vec2) for any model’s text')
    .option('--highlight-words', 'srt, vtt: underline each word as it is spoken')
    .addOption(
      new Option(
        '--max-line-width <columns>',
        'srt, vtt: line width; cues then have up to 2 lines',
      ).argParser(whole(8)),
    )
    .addOption(
      new Option(
        '--max-line-count <lines>',
        'srt, vtt: lines per cue, up to 42 columns unless --max-line-width is set',
      ).argParser(whole(1)),
    )
    .addOption(
      new Option(
        '--max-words-per-line <words>',
        'srt, vtt: words per line; cues then have 1 line unless --max-line-count is set',
      ).argParser(whole(1)),
    );
}

function addPlaceFlags(command: Command): void {
  command
    .optionsGroup('Where it runs:')
    .option('--no-daemon', 'run without the daemon (loads the model for this run only)')
    .addOption(queueOption('let other machines do it (sotto worker), URLs too').conflicts('daemon'))
    .addOption(new Option('--detach', 'with --queue: don’t wait for the texts'));
}

async function transcribe(files: string[], flags: TranscribeFlags, outcome: Outcome): Promise<void> {
  if (flags.queue === undefined && flags.detach === true) {
    throw new SottoError('INVALID_ARGUMENT', '--detach requires --queue', {
      hint: 'add --queue URL, or omit --detach',
    });
  }
  const destination = destinationOf(files, flags);
  const format = flags.format ?? formatIn(destination) ?? 'text';
  if (flags.queue !== undefined) checkQueueFlags(flags, destination);
  const folder = destination.to === 'folder' ? destination.path : undefined;
  const batch = flags.queue === undefined ? batchFor(files, flags, folder) : undefined;
  const printed = batch === undefined && destination.to === 'stdout' && flags.queue === undefined;
  const plan = outputPlan({ ...flags, format }, printed ? files.length : 0);
  const paths = resolvePaths();
  const alignModel = modelArgument(flags.alignModel, paths);
  const options = {
    ...defined({ alignModel }),
    ...(plan.wordTimestamps && { wordTimestamps: true }),
    ...(format === 'text' && !plan.wordTimestamps && { timestamps: 'auto' as const }),
    ...toTranscribeOptions(flags),
  };
  const model = modelArgument(flags.model, paths);
  const recipe = { options, format, writer: plan.writer, ...defined({ model }) };
  if (flags.queue !== undefined) {
    const { transcribeByQueue } = await import('../worker/submit-to-queue.js');
    const wanted = { ...flags, ...defined({ output: folder }) };
    outcome.exitCode = await transcribeByQueue(files, flags.queue, wanted, recipe);
    return;
  }
  // The engine starts first, in parallel with the rest.
  const own = flags.daemon ? undefined : await inProcessTranscriber(paths);
  const work = { flags, outcome, own, paths, recipe };
  if (batch !== undefined) await transcribeFolders(batch, work);
  else await transcribeFiles(inputsOf(files, paths), printed, destination, work);
}

/** What both ways of running have in common. */
interface Work {
  readonly flags: TranscribeFlags;
  readonly outcome: Outcome;
  /** Without the daemon. */
  readonly own: Transcriber | undefined;
  readonly paths: Paths;
  readonly recipe: Omit<TranscribeRequest, 'inputs' | 'destination' | 'headings'>;
}

async function transcribeFolders(
  batch: NonNullable<ReturnType<typeof batchFor>>,
  { flags, outcome, own, paths, recipe }: Work,
): Promise<void> {
  const [{ transcribeBatch }, { BatchProgress }, { writeSummary }] = await Promise.all([
    import('../../batch/transcribe-batch.js'),
    import('../../batch/batch-progress.js'),
    import('./batch-summary-view.js'),
  ]);
  const progress = new BatchProgress();
  const view = await chooseBatchView(progress, flags.quiet === true);
  const transcriber = own ?? (await daemonTranscriber(paths, view, recipe.model));
  await withInterrupt(transcriber, outcome, async (signal) => {
    const end = await transcribeBatch(
      { ...recipe, ...batch },
      {
        paths,
        transcriber,
        progress,
        view,
        signal,
        writeSummary: (summary, outputs) => writeSummary(summary, { ...batch, outputs, signal }),
      },
    );
    return BATCH_EXIT_CODES[end];
  });
}

async function transcribeFiles(
  inputs: readonly Input[],
  printed: boolean,
  destination: Destination,
  { flags, outcome, own, paths, recipe }: Work,
): Promise<void> {
  const quiet = flags.quiet === true;
  const { format, model } = recipe;
  const many = printed && inputs.length > 1;
  const isText = format === 'text';
  const view = await chooseView({ headers: many && isText, wrap: isText, quiet });
  if (many && ['srt', 'vtt', 'tsv'].includes(format)) {
    view.note(`printing several ${format} documents in a row; use --output-dir FOLDER for separate files`);
  }
  // On a terminal the view prints bold headings instead.
  const headings = many && isText && !(process.stdout.isTTY && process.stderr.isTTY && !quiet);
  const run = { ...recipe, inputs, destination, headings };
  const outputs = printed ? NO_OUTPUTS : await openOutputs(paths, flags.overwrite === true);
  const transcriber = own ?? (await daemonTranscriber(paths, view, model));
  await withInterrupt(transcriber, outcome, (signal) =>
    transcribeAll(run, { outputs, transcriber, view, signal }),
  );
}

/** @throws SottoError INVALID_ARGUMENT */
function batchFor(args: readonly string[], flags: BatchFlags, folder: string | undefined) {
  const streamed = args.find(isStreamed);
  if (streamed === undefined) return toBatchRequest(args, flags, folder);
  if (args.some(isFolder) || firstBatchFlag(flags) !== undefined) {
    throw new SottoError('INVALID_ARGUMENT', `${streamed} can’t be transcribed together with folders`, {
      hint: 'use a separate command without flags for folders',
    });
  }
  return undefined;
}

function formatIn(destination: Destination): FormatName | undefined {
  return destination.to === 'file' ? formatOfName(destination.path) : undefined;
}

/** Refuses flags for texts that this process writes. @throws SottoError INVALID_ARGUMENT */
function checkQueueFlags({ overwrite, force, quiet }: TranscribeFlags, { to }: Destination): void {
  const named = Object.entries({ '--overwrite': overwrite, '--force': force, '--quiet': quiet });
  const idle = named.find(([, value]) => value !== undefined)?.[0];
  if (idle !== undefined) {
    throw new SottoError('INVALID_ARGUMENT', `${idle} can’t be combined with --queue`, {
      hint: 'omit one of them',
    });
  }
  if (to === 'file') {
    throw new SottoError('INVALID_ARGUMENT', 'with --queue, texts go to a folder, not to a file', {
      hint: 'use --output-dir FOLDER',
    });
  }
}

/**
 * The commands of `sotto`, their options and their help. What a command runs on is loaded when it is called: a start
 * is what a user waits for.
 */
import { Argument, Command, InvalidArgumentError, Option } from 'commander';
import { resolvePaths, type Paths } from '../paths.js';
import { SOTTO_VERSION } from '../protocol/version.js';
import { onInterrupt } from './interrupt.js';
import { modelArgument } from './models-argument.js';
import { addModels } from './models-commands.js';
import { outputPlan, type OutputFlags } from './output-flags.js';
import { plainView } from './plain-view.js';
import type { Transcriber } from './transcriber.js';
import { transcribeAll } from './transcribe.js';
import type { View } from './view.js';
import { FORMAT_NAMES } from './writers/index.js';

/** What the command line ends with; set by whichever command ran. */
export interface Outcome {
  exitCode: number;
}

interface TranscribeFlags extends OutputFlags {
  model?: string;
  language?: string;
  task?: 'transcribe' | 'translate';
  prompt?: string;
  daemon: boolean;
  beamSize?: number;
  vad: boolean;
}

export function buildProgram(outcome: Outcome): Command {
  const program = new Command('sotto')
    .description('Speech to text on this machine: files in, text out, nothing leaves it.')
    .version(SOTTO_VERSION, '-V, --version', 'print the version')
    .helpOption('-h, --help', 'print this help')
    .helpCommand('help [command]', 'print the help of a command')
    .showHelpAfterError('(sotto --help shows how it is used)')
    .configureOutput({ outputError: (text, write) => write(text.replace(/^error: /, 'sotto: ')) })
    .addHelpText(
      'after',
      `
Examples:
  sotto transcribe talk.mp3                         the text, as it comes
  sotto transcribe *.m4a --format srt --output subs subtitles for each file
  sotto transcribe rede.wav --task translate        German speech, English text
  sotto daemon status                               what the background service does

Exit codes: 0 all done · 1 some file failed · 2 wrong usage · 3 daemon or model not usable · 130 interrupted`,
    );
  addTranscribe(program, outcome);
  addDaemon(program, outcome);
  addModels(program, outcome);
  addDemo(program, outcome);
  return program;
}

function addTranscribe(program: Command, outcome: Outcome): void {
  program
    .command('transcribe')
    .summary('turn audio or video files into text')
    .description(
      'Turns audio or video files into text. The work is done by a daemon that keeps the model warm;\n' +
        'if none runs, one is started and leaves again after a while without work.',
    )
    .addArgument(new Argument('<file...>', 'WAV, FLAC, MP3, M4A, MP4, OGG, Opus, WebM, AIFF'))
    .option('-m, --model <name|folder>', 'the model to use (default: the daemon’s own)')
    .addOption(
      new Option('-l, --language <code>', 'spoken language, e.g. en or de (default: detected)').argParser(
        language,
      ),
    )
    .addOption(
      new Option('-t, --task <task>', 'translate gives English text').choices([
        'transcribe',
        'translate',
      ] as const),
    )
    .option('-p, --prompt <text>', 'names and spellings that the speech is likely to hold')
    .addOption(new Option('-f, --format <format>', 'what to write').choices(FORMAT_NAMES).default('text'))
    .option('-o, --output <folder>', 'write a file for each input there instead of printing')
    .option('-w, --word-timestamps', 'find the time of each word; json, vtt and html show them')
    .option('--highlight-words', 'srt, vtt: a cue for each word, with that word underlined')
    .addOption(
      new Option(
        '--max-line-width <columns>',
        'srt, vtt: break lines at this width; cues then have up to 2 lines',
      ).argParser(atLeast(8)),
    )
    .addOption(
      new Option(
        '--max-line-count <lines>',
        'srt, vtt: lines of a cue; they are up to 42 columns wide if nothing else is said',
      ).argParser(atLeast(1)),
    )
    .addOption(
      new Option(
        '--max-words-per-line <words>',
        'srt, vtt: words of a line; cues then have 1 line if nothing else is said',
      ).argParser(atLeast(1)),
    )
    .addOption(
      new Option(
        '-b, --beam-size <beams>',
        'weigh so many texts side by side: slower, a little more often right (default: 1)',
      ).argParser(beams),
    )
    .option('--no-vad', 'give the model everything to hear, pauses and music too')
    .option('--no-daemon', 'load the model in this process’s own engine, and only for this call')
    .addHelpText(
      'after',
      `
Examples:
  sotto transcribe talk.mp3
  sotto transcribe talk.mp3 > talk.txt
  sotto transcribe one.wav two.flac --format json | jq .text
  sotto transcribe interview.m4a --language de --format vtt --output subtitles
  sotto transcribe film.mp4 --format srt --max-line-width 42 --max-line-count 2 > film.srt
  sotto transcribe song.flac --format vtt --max-words-per-line 6 --highlight-words
  sotto transcribe talk.mp3 --format json --word-timestamps | jq .segments[].words[]
  sotto transcribe talk.mp3 --format html > talk.html   a page that plays the sound and lights up its words
  sotto transcribe lecture.mp3 --beam-size 5
  sotto transcribe talk.mp3 --model ~/models/whisper-large-v3-turbo-4bit`,
    )
    .action(async (files: string[], flags: TranscribeFlags) => {
      const plan = outputPlan(flags, files.length);
      const paths = resolvePaths();
      const model = modelArgument(flags.model, paths);
      const many = files.length > 1;
      // First of all: while the engine starts, this process has time for the rest.
      const own = flags.daemon ? undefined : await ownEngine(paths);
      const view = await chooseView(many && flags.format === 'text' && flags.output === undefined);
      if (many && flags.output === undefined && ['srt', 'vtt', 'tsv'].includes(flags.format)) {
        view.note(
          `several ${flags.format} documents follow each other; --output FOLDER writes a file for each`,
        );
      }
      const run = {
        files,
        format: flags.format,
        writer: plan.writer,
        options: {
          ...(plan.wordTimestamps && { wordTimestamps: true }),
          ...(flags.format === 'text' && !plan.wordTimestamps && { timestamps: 'auto' as const }),
          ...(flags.beamSize === undefined ? {} : { beamSize: flags.beamSize }),
          ...(flags.vad ? {} : { vad: false }),
          ...(flags.language === undefined ? {} : { language: flags.language }),
          ...(flags.task === undefined ? {} : { task: flags.task }),
          ...(flags.prompt === undefined ? {} : { initialPrompt: flags.prompt }),
        },
        ...(model === undefined ? {} : { model }),
        ...(flags.output === undefined ? {} : { output: flags.output }),
      };
      const transcriber = own ?? (await daemonTranscriber(paths, view, model));
      await withInterrupt(transcriber, outcome, (signal) =>
        transcribeAll(run, { transcriber, view, signal }),
      );
    });
}

/** @throws InvalidArgumentError */
function beams(text: string): number {
  const count = Number(text);
  if (!Number.isInteger(count) || count < 1 || count > 16) {
    throw new InvalidArgumentError('It is a whole number from 1 to 16.');
  }
  return count;
}

function addDaemon(program: Command, outcome: Outcome): void {
  const daemon = program
    .command('daemon')
    .summary('run, start, stop or look at the background service')
    .description('The background service that keeps a model warm and serves this user’s programs.')
    .addHelpText('after', '\nExamples:\n  sotto daemon start\n  sotto daemon status\n  sotto daemon stop');
  const model = () =>
    new Option(
      '-m, --model <name|folder>',
      'the model to keep warm (default: from the settings, or the starter model)',
    );
  daemon
    .command('run')
    .description('Runs the daemon in this terminal until it is told to end.')
    .addOption(model())
    .addOption(new Option('--idle-exit <minutes>', 'end after this long without work').argParser(minutes))
    .addHelpText('after', '\nExamples:\n  sotto daemon run\n  sotto daemon run --model base --idle-exit 60')
    .action(async (flags: { model?: string; idleExit?: number }) => {
      const paths = resolvePaths();
      const { daemonRun } = await import('./daemon-commands.js');
      outcome.exitCode = await daemonRun(paths, modelArgument(flags.model, paths), flags.idleExit);
    });
  daemon
    .command('start')
    .description('Starts the daemon in the background and waits until its model is warm.')
    .addOption(model())
    .addHelpText(
      'after',
      '\nExamples:\n  sotto daemon start\n  sotto daemon start --model ~/models/whisper-small',
    )
    .action(async (flags: { model?: string }) => {
      const paths = resolvePaths();
      const { daemonStart } = await import('./daemon-commands.js');
      outcome.exitCode = await daemonStart(paths, modelArgument(flags.model, paths));
    });
  daemon
    .command('stop')
    .description('Ends the daemon. A file that it is at gets a few seconds to be finished.')
    .addHelpText('after', '\nExample:\n  sotto daemon stop')
    .action(async () => {
      const { daemonStop } = await import('./daemon-commands.js');
      outcome.exitCode = await daemonStop(resolvePaths());
    });
  daemon
    .command('status')
    .description(
      'Says what the daemon does: model, queue, memory, where its log is. Exit code 3 if none runs.',
    )
    .option('--json', 'as one JSON object')
    .addHelpText(
      'after',
      '\nExamples:\n  sotto daemon status\n  sotto daemon status --json | jq .engine.restarts',
    )
    .action(async (flags: { json?: boolean }) => {
      const { daemonStatus } = await import('./daemon-commands.js');
      outcome.exitCode = await daemonStatus(resolvePaths(), flags.json === true);
    });
}

function addDemo(program: Command, outcome: Outcome): void {
  program
    .command('demo')
    .summary('transcribe the sample clips that come with Sotto')
    .description('Transcribes the sample clips that come with Sotto, and says how close it came.')
    .addHelpText('after', '\nExample:\n  sotto demo')
    .action(async () => {
      const paths = resolvePaths();
      const { demo } = await import('./demo.js');
      const view = await chooseView(true);
      let started = false;
      const transcriber = await daemonTranscriber(paths, view, undefined, () => (started = true));
      try {
        await withInterrupt(transcriber, outcome, (signal) => demo({ transcriber, view, signal }));
      } finally {
        // A demo leaves nothing behind that it brought.
        if (started) await stopQuietly(paths);
      }
    });
}

async function stopQuietly(paths: Paths): Promise<void> {
  const { findDaemon } = await import('./start-daemon.js');
  const client = await findDaemon(paths);
  await client?.stop();
}

async function chooseView(headers: boolean): Promise<View> {
  if (!process.stderr.isTTY || process.env.TERM === 'dumb') return plainView();
  const { terminalView } = await import('./terminal-view.js');
  return terminalView(process.stderr, { showText: process.stdout.isTTY === true, headers });
}

async function ownEngine(paths: Paths): Promise<Transcriber> {
  const { OwnEngineTranscriber } = await import('./own-engine-transcriber.js');
  return new OwnEngineTranscriber(paths);
}

async function daemonTranscriber(
  paths: Paths,
  view: View,
  model: string | undefined,
  onStarted?: () => void,
): Promise<Transcriber> {
  const [{ DaemonTranscriber }, { AUTO_IDLE_EXIT_MINUTES, findOrStartDaemon }] = await Promise.all([
    import('./daemon-transcriber.js'),
    import('./start-daemon.js'),
  ]);
  return new DaemonTranscriber(async () => {
    const { client, started } = await findOrStartDaemon({
      paths,
      idleExitMinutes: AUTO_IDLE_EXIT_MINUTES,
      onStarting: () => view.waiting('starting the daemon…'),
      ...(model === undefined ? {} : { model }),
    });
    if (started) onStarted?.();
    else if (client.daemon.version !== SOTTO_VERSION) {
      view.note(
        `the running daemon is version ${client.daemon.version}, this is ${SOTTO_VERSION}; \`sotto daemon stop\` ends it`,
      );
    }
    return client;
  });
}

async function withInterrupt(
  transcriber: Transcriber,
  outcome: Outcome,
  work: (signal: AbortSignal) => Promise<number>,
): Promise<void> {
  const interrupt = onInterrupt();
  try {
    outcome.exitCode = await work(interrupt.signal);
  } finally {
    await transcriber.close();
    interrupt.release();
  }
}

function language(value: string): string {
  if (!/^[A-Za-z][A-Za-z -]{1,31}$/.test(value))
    throw new InvalidArgumentError('a code such as en or de is expected.');
  return value.toLowerCase();
}

/** A whole number from `least` up. */
function atLeast(least: number): (value: string) => number {
  return (value) => {
    const parsed = /^\d{1,6}$/.test(value) ? Number(value) : NaN;
    if (!(parsed >= least)) throw new InvalidArgumentError(`a whole number from ${least} up is expected.`);
    return parsed;
  };
}

function minutes(value: string): number {
  const parsed = Number(value);
  if (!Number.isFinite(parsed) || parsed <= 0)
    throw new InvalidArgumentError('a number of minutes above 0 is expected.');
  return parsed;
}

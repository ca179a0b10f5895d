/**
 * The commands of `sotto`, their options and their help. What a command runs on is loaded when it is called: a start
 * is what a user waits for.
 */
import { Command, Option } from 'commander';
import { resolvePaths, type Paths } from '../paths.js';
import { SOTTO_VERSION } from '../protocol/version.js';
import { addAgent } from './agent-command.js';
import { addCapture } from './capture-command.js';
import { addDictate } from './dictate-command.js';
import { minutes, whole } from './flag-values.js';
import { addHistory } from './history-command.js';
import { modelArgument } from './models-argument.js';
import { addModels } from './models-commands.js';
import { addServe, addToken } from './serve-command.js';
import { addTranscribe } from './transcribe-command.js';
import { addUninstall } from './uninstall-command.js';
import { chooseView, daemonTranscriber, type Outcome, withInterrupt } from './transcribers.js';
import { addVocabulary } from './vocabulary-command.js';
import { addQueue, addWorker } from './worker-command.js';

export type { Outcome } from './transcribers.js';

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
  sotto serve                                       a port for programs that speak OpenAI's API
  sotto daemon status                               what the background service does

Exit codes: 0 all done · 1 some file failed · 2 wrong usage · 3 daemon or model not usable · 130 interrupted`,
    );
  addTranscribe(program, outcome);
  addDictate(program, outcome);
  addDaemon(program, outcome);
  addModels(program, outcome);
  addHistory(program, outcome);
  addVocabulary(program, outcome);
  addServe(program, outcome);
  addToken(program, outcome);
  addAgent(program, outcome);
  addWorker(program, outcome);
  addQueue(program, outcome);
  addCapture(program, outcome);
  addDemo(program, outcome);
  addUninstall(program, outcome);
  return program;
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
    .addOption(new Option('--agent', 'as the login agent runs it').conflicts('idleExit').hideHelp())
    .addHelpText('after', '\nExamples:\n  sotto daemon run\n  sotto daemon run --model base --idle-exit 60')
    .action(async (flags: { model?: string; idleExit?: number; agent?: boolean }) => {
      const paths = resolvePaths();
      const { daemonRun, daemonRunAgent } = await import('./daemon-commands.js');
      if (flags.agent === true)
        outcome.exitCode = await daemonRunAgent(paths, modelArgument(flags.model, paths));
      else outcome.exitCode = await daemonRun(paths, modelArgument(flags.model, paths), flags.idleExit);
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
  daemon
    .command('logs')
    .description('Shows the end of the daemon’s log. It holds states and figures, never what was said.')
    .addOption(new Option('-n, --lines <number>', 'how many').argParser(whole(1)).default(40))
    .option('--json', 'as they were written, one JSON object a line')
    .addHelpText(
      'after',
      '\nExamples:\n  sotto daemon logs\n  sotto daemon logs --lines 500 --json | jq .msg',
    )
    .action(async (flags: { lines: number; json?: boolean }) => {
      const { daemonLogs } = await import('./daemon-logs.js');
      outcome.exitCode = daemonLogs(resolvePaths(), flags.lines, flags.json === true);
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
      const view = await chooseView({ headers: true, wrap: true });
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

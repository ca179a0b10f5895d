/** `sotto daemon` and `sotto status`: flags and help. */
import { Option, type Command } from 'commander';
import { resolvePaths } from '../../paths.js';
import { minutes, whole } from '../flags/flag-values.js';
import { examples } from '../help/layout.js';
import { modelArgument } from '../../store/model-argument.js';
import type { Outcome } from '../transcribe/create-transcriber.js';

interface StatusFlags {
  json?: true;
  verbose?: true;
}

export function addDaemon(program: Command, outcome: Outcome): void {
  const daemon = program
    .command('daemon')
    .summary('manage the background service')
    .description('Manage the background service that keeps the model loaded.');
  daemon.addHelpText('after', examples(['sotto daemon start', 'sotto daemon status', 'sotto daemon stop']));
  const model = () =>
    new Option('-m, --model <name|folder>', 'model to keep loaded (default: the one in use)');
  const run = daemon
    .command('run')
    .description('Run the daemon in this terminal until it is stopped.')
    .addOption(model())
    .addOption(new Option('--idle-exit <minutes>', 'exit after this long without work').argParser(minutes))
    .addOption(new Option('--agent', 'run as the login agent').conflicts('idleExit').hideHelp())
    .action(async (flags: { model?: string; idleExit?: number; agent?: boolean }) => {
      const paths = resolvePaths();
      const { daemonRun, daemonRunAgent } = await import('./daemon-actions.js');
      if (flags.agent === true)
        outcome.exitCode = await daemonRunAgent(paths, modelArgument(flags.model, paths));
      else outcome.exitCode = await daemonRun(paths, modelArgument(flags.model, paths), flags.idleExit);
    });
  run.addHelpText('after', examples(['sotto daemon run', 'sotto daemon run --model base --idle-exit 60']));
  const start = daemon
    .command('start')
    .description('Start the daemon in the background and wait until its model is loaded.')
    .addOption(model())
    .option('-q, --quiet', 'print errors only')
    .action(async (flags: { model?: string; quiet?: true }) => {
      const paths = resolvePaths();
      const { daemonStart } = await import('./daemon-actions.js');
      outcome.exitCode = await daemonStart(paths, modelArgument(flags.model, paths), flags.quiet === true);
    });
  start.addHelpText(
    'after',
    examples(['sotto daemon start', 'sotto daemon start --model ~/models/whisper-small']),
  );
  const stop = daemon
    .command('stop')
    .description('Stop the daemon. A file in progress gets a few seconds to finish.')
    .option('-q, --quiet', 'print errors only')
    .action(async (flags: { quiet?: true }) => {
      const { daemonStop } = await import('./daemon-actions.js');
      outcome.exitCode = await daemonStop(resolvePaths(), flags.quiet === true);
    });
  stop.addHelpText('after', examples(['sotto daemon stop']));
  addStatusCommand(daemon, 'sotto daemon status', outcome);
  const logs = daemon
    .command('logs')
    .description('Show the end of the daemon’s log. It holds states and figures, never your words.')
    .addOption(new Option('-n, --lines <number>', 'number of lines').argParser(whole(1)).default(40))
    .option('--json', 'print the lines as JSON objects')
    .action(async (flags: { lines: number; json?: boolean }) => {
      const { daemonLogs } = await import('./daemon-logs.js');
      outcome.exitCode = daemonLogs(resolvePaths(), flags.lines, flags.json === true);
    });
  logs.addHelpText(
    'after',
    examples(['sotto daemon logs', 'sotto daemon logs --lines 500 --json | jq .msg']),
  );
}

/** `sotto status`, short for `sotto daemon status`. */
export function addStatus(program: Command, outcome: Outcome): void {
  addStatusCommand(program, 'sotto status', outcome).alias('ps');
}

function addStatusCommand(parent: Command, name: string, outcome: Outcome): Command {
  const status = parent
    .command('status')
    .summary('show what the daemon is doing')
    .description('Show what the daemon is doing: model, queue, memory. Exit code 3 if it isn’t running.')
    .option('-v, --verbose', 'show engine, memory, clients and paths, too')
    .option('--json', 'print one JSON object')
    .action(async (flags: StatusFlags) => {
      const { daemonStatus } = await import('./daemon-actions.js');
      outcome.exitCode = await daemonStatus(resolvePaths(), {
        json: flags.json === true,
        verbose: flags.verbose === true,
      });
    });
  status.addHelpText('after', examples([name, `${name} --verbose`, `${name} --json | jq .engine.restarts`]));
  return status;
}

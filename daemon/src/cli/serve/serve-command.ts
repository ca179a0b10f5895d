/** `sotto serve` and `sotto token`: flags and help. */
import { InvalidArgumentError, Option, type Command } from 'commander';
import { examples, paragraph } from '../help/layout.js';
import { resolvePaths } from '../../paths.js';
import { isHttpPort } from '../../protocol/http-port.js';
import type { Outcome } from '../transcribe/create-transcriber.js';

interface ServeFlags {
  port?: number;
  stop?: boolean;
  status?: boolean;
  json?: boolean;
}

export function addServe(program: Command, outcome: Outcome): void {
  program
    .command('serve')
    .summary('start an OpenAI-compatible API server')
    .description(
      'Start an OpenAI-compatible API server in the background, for programs on this machine. It keeps running, after ' +
        'restarts too; stop it with `sotto serve --stop`. Requests need the token, `/health` too. No other machine and no ' +
        'web page can reach it.',
    )
    .addOption(new Option('-p, --port <number>', 'port; 0 for any free one (default: 7688)').argParser(port))
    .addOption(new Option('--stop', 'stop the API server').conflicts(['port', 'status', 'json']))
    .addOption(new Option('--status', 'show whether it is running (exit code 3 if not)').conflicts('port'))
    .option('--json', 'print one JSON object')
    .addHelpText(
      'after',
      examples([
        'sotto serve',
        'sotto serve --port 9000',
        'sotto serve --status --json | jq -r .baseUrl',
        'sotto serve --stop',
      ]),
    )
    .addHelpText('after', paragraph('The same API is served at Sotto’s socket, without a port and a token:'))
    .addHelpText(
      'after',
      '  curl --unix-socket "$(sotto status --json | jq -r .socket)" http://localhost/v1/models',
    )
    .action(async (flags: ServeFlags) => {
      const paths = resolvePaths();
      const json = flags.json === true;
      const serve = await import('./serve-actions.js');
      if (flags.stop === true) outcome.exitCode = await serve.stopServing(paths);
      else if (flags.status === true) outcome.exitCode = await serve.servingStatus(paths, json);
      else outcome.exitCode = await serve.serve(paths, flags.port, json);
    });
}

export function addToken(program: Command, outcome: Outcome): void {
  const token = program
    .command('token')
    .summary('show or replace the API token')
    .description('The token that programs send to `sotto serve` as their API key.')
    .addHelpText('after', examples(['sotto token show', 'sotto token rotate']));
  token
    .command('show')
    .description('Print the token. It is created when first needed.')
    .addHelpText('after', examples(['export OPENAI_API_KEY="$(sotto token show)"']))
    .action(async () => {
      const { showToken } = await import('./token-actions.js');
      outcome.exitCode = await showToken(resolvePaths());
    });
  token
    .command('rotate')
    .summary('create a new token')
    .description(
      'Create a new token and print it. The old one stops working at once, and its connections are closed.',
    )
    .addHelpText('after', examples(['sotto token rotate']))
    .action(async () => {
      const { rotate } = await import('./token-actions.js');
      outcome.exitCode = await rotate(resolvePaths());
    });
}

function port(value: string): number {
  const parsed = /^\d{1,5}$/.test(value) ? Number(value) : NaN;
  if (isHttpPort(parsed)) return parsed;
  throw new InvalidArgumentError('must be a port from 1024 to 65535, or 0 for any free one');
}

/** `sotto serve` and `sotto token …`: their flags and help. */
import { InvalidArgumentError, Option, type Command } from 'commander';
import { resolvePaths } from '../paths.js';
import { isHttpPort } from '../protocol/http-port.js';
import type { Outcome } from './transcribers.js';

interface ServeFlags {
  port?: number;
  stop?: boolean;
  status?: boolean;
  json?: boolean;
}

export function addServe(program: Command, outcome: Outcome): void {
  program
    .command('serve')
    .summary('open a port for programs that speak OpenAI’s audio API')
    .description(
      'Opens a port on this machine for programs that speak OpenAI’s audio API: they need its address and a token, and ' +
        'nothing else changes. It stays open, after a restart too, until `sotto serve --stop`. Nobody outside this ' +
        'machine reaches it, and no web page.',
    )
    .addOption(
      new Option('-p, --port <number>', 'which port; 0 is any that is free (default: 7688)').argParser(port),
    )
    .addOption(new Option('--stop', 'close the port').conflicts(['port', 'status', 'json']))
    .addOption(new Option('--status', 'say whether it is open; exit code 3 if not').conflicts('port'))
    .option('--json', 'as one JSON object')
    .addHelpText(
      'after',
      `
Examples:
  sotto serve
  sotto serve --port 9000
  sotto serve --status --json | jq -r .baseUrl
  sotto serve --stop

Without a port: the same is served at Sotto’s socket, to this user alone and without a token:
  curl --unix-socket "$(sotto daemon status --json | jq -r .socket)" http://localhost/v1/models`,
    )
    .action(async (flags: ServeFlags) => {
      const paths = resolvePaths();
      const json = flags.json === true;
      const serve = await import('./serve.js');
      if (flags.stop === true) outcome.exitCode = await serve.stopServing(paths);
      else if (flags.status === true) outcome.exitCode = await serve.servingStatus(paths, json);
      else outcome.exitCode = await serve.serve(paths, flags.port, json);
    });
}

export function addToken(program: Command, outcome: Outcome): void {
  const token = program
    .command('token')
    .summary('show or replace the token of the port')
    .description('The token that a program sends to the port of `sotto serve`, as its API key.')
    .addHelpText('after', '\nExamples:\n  sotto token show\n  sotto token rotate');
  token
    .command('show')
    .description('Prints the token, and nothing else. It is made when it is first needed.')
    .addHelpText('after', '\nExample:\n  export OPENAI_API_KEY="$(sotto token show)"')
    .action(async () => {
      const { showToken } = await import('./token.js');
      outcome.exitCode = await showToken(resolvePaths());
    });
  token
    .command('rotate')
    .summary('make a new token')
    .description(
      'Makes a new token and prints it. The old one is worth nothing from that moment on: live connections that came ' +
        'with it are closed.',
    )
    .addHelpText('after', '\nExample:\n  sotto token rotate')
    .action(async () => {
      const { rotate } = await import('./token.js');
      outcome.exitCode = await rotate(resolvePaths());
    });
}

function port(value: string): number {
  const parsed = /^\d{1,5}$/.test(value) ? Number(value) : NaN;
  if (isHttpPort(parsed)) return parsed;
  throw new InvalidArgumentError('a port from 1024 to 65535 is expected, or 0 for any that is free.');
}

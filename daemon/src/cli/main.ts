/** From an argument vector to an exit code. */
import { CommanderError } from 'commander';
import { codedError } from '../protocol/file-errors.js';
import { trace } from '../trace.js';
import { buildProgram, forEachCommand } from './program.js';
import { errorLine } from './transcribe/transcribe-view.js';

const USAGE = 2;

export async function main(argv: readonly string[]): Promise<number> {
  // `sotto … | head`: nobody reads on, so nothing is left to do; that is no failure.
  process.stdout.on('error', (error: Error) => {
    if ('code' in error && error.code === 'EPIPE') process.exit(0);
    process.stderr.write(`sotto: the text can't be written: ${error.message}\n`);
    process.exit(1);
  });
  // The reader of messages may leave (`2> >(head -1)`, `2>&1 | head -1`): the text on stdout does not depend on it.
  process.stderr.on('error', () => undefined);
  trace('cli', 'process began');
  const outcome = { exitCode: 0 };
  const program = buildProgram(outcome);
  forEachCommand(program, (command) => command.exitOverride());
  try {
    await program.parseAsync([...argv], { from: 'user' });
    return outcome.exitCode;
  } catch (thrown) {
    // Commander has printed the help, the version or what was wrong.
    if (thrown instanceof CommanderError) return thrown.exitCode === 0 ? 0 : USAGE;
    const error = codedError(thrown);
    process.stderr.write(`${errorLine(error)}\n`);
    if (error.code === 'INTERNAL' && error.cause instanceof Error)
      process.stderr.write(`${error.cause.stack ?? ''}\n`);
    return error.exitCode;
  }
}

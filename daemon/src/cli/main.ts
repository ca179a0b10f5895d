/** Runs the command line and returns its exit code. */
import { CommanderError } from 'commander';
import { codedError } from '../protocol/file-errors.js';
import { trace } from '../trace.js';
import { buildProgram, forEachCommand } from './program.js';
import { errorLine } from './transcribe/transcribe-view.js';

const USAGE = 2;

export async function main(argv: readonly string[]): Promise<number> {
  // `sotto … | head`: a closed stdout is no failure.
  process.stdout.on('error', (error: Error) => {
    if ('code' in error && error.code === 'EPIPE') process.exit(0);
    process.stderr.write(`sotto: can’t write the text: ${error.message}\n`);
    process.exit(1);
  });
  // A closed stderr (`2> >(head -1)`) does not affect the text on stdout.
  process.stderr.on('error', () => undefined);
  trace('cli', 'process began');
  const outcome = { exitCode: 0 };
  const program = buildProgram(outcome);
  forEachCommand(program, (command) => command.exitOverride());
  try {
    await program.parseAsync([...argv], { from: 'user' });
    return outcome.exitCode;
  } catch (thrown) {
    // Commander has already printed help, version or error.
    if (thrown instanceof CommanderError) return thrown.exitCode === 0 ? 0 : USAGE;
    const error = codedError(thrown);
    process.stderr.write(`${errorLine(error)}\n`);
    if (error.code === 'INTERNAL' && error.cause instanceof Error)
      process.stderr.write(`${error.cause.stack ?? ''}\n`);
    return error.exitCode;
  }
}

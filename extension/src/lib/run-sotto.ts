import { spawn } from 'node:child_process';
import { SottoError } from 'sotto/client';
import { parseFailure } from './connect-daemon';
import type { SottoCommand } from './find-sotto';

const COMMAND_TIMEOUT_MS = 60_000;

export interface CommandOutput {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/**
 * Runs the `sotto` command to its end. Detached, so that closing the view does not abort an installation.
 * @throws SottoError DAEMON_UNAVAILABLE if it does not start, TIMEOUT
 */
export function runSotto(
  { program, args, env }: SottoCommand,
  command: readonly string[],
): Promise<CommandOutput> {
  return new Promise((resolve, reject) => {
    const child = spawn(program, [...args, ...command], {
      detached: true,
      stdio: ['ignore', 'pipe', 'pipe'],
      env: { ...env, NO_COLOR: '1' },
      cwd: '/',
    });
    const timer = setTimeout(() => {
      child.kill('SIGKILL');
      reject(new SottoError('TIMEOUT', `\`sotto ${command.join(' ')}\` didn’t finish`));
    }, COMMAND_TIMEOUT_MS);
    let stdout = '';
    let stderr = '';
    child.stdout.setEncoding('utf8').on('data', (text: string) => (stdout += text));
    child.stderr.setEncoding('utf8').on('data', (text: string) => (stderr += text));
    child.on('error', (cause) => {
      clearTimeout(timer);
      reject(
        new SottoError('DAEMON_UNAVAILABLE', `${program} didn’t start: ${cause.message}`, {
          cause,
          hint: 'fix the path in the extension preferences, or leave it empty',
        }),
      );
    });
    child.on('close', (code) => {
      clearTimeout(timer);
      resolve({ code: code ?? -1, stdout, stderr });
    });
  });
}

/** @returns its standard output. @throws SottoError with the last line of its standard error */
export async function readSottoOutput(sotto: SottoCommand, command: readonly string[]): Promise<string> {
  const { code, stdout, stderr } = await runSotto(sotto, command);
  if (code !== 0) throw parseFailure(stderr);
  return stdout.trim();
}

/** Runs the `sotto` command to its end, for what only it can do. */
import { spawn } from 'node:child_process';
import { SottoError } from 'sotto/client';
import { parseFailure } from './daemon';
import type { SottoCommand } from './find-sotto';

const COMMAND_TIMEOUT_MS = 60_000;

export interface CommandOutput {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/**
 * In a group of its own: what was begun, an installation say, is not cut off when the view is left.
 * @throws SottoError DAEMON_UNAVAILABLE if it does not start, TIMEOUT
 */
export function runSotto(
  { program, args, env }: SottoCommand,
  what: readonly string[],
): Promise<CommandOutput> {
  return new Promise((resolve, reject) => {
    const child = spawn(program, [...args, ...what], {
      detached: true,
      stdio: ['ignore', 'pipe', 'pipe'],
      env: { ...env, NO_COLOR: '1' },
      cwd: '/',
    });
    const timer = setTimeout(() => {
      child.kill('SIGKILL');
      reject(new SottoError('TIMEOUT', `\`sotto ${what.join(' ')}\` does not end`));
    }, COMMAND_TIMEOUT_MS);
    let stdout = '';
    let stderr = '';
    child.stdout.setEncoding('utf8').on('data', (text: string) => (stdout += text));
    child.stderr.setEncoding('utf8').on('data', (text: string) => (stderr += text));
    child.on('error', (cause) => {
      clearTimeout(timer);
      reject(
        new SottoError('DAEMON_UNAVAILABLE', `${program} does not start: ${cause.message}`, {
          cause,
          hint: 'correct the path in the preferences of this extension, or leave it empty',
        }),
      );
    });
    child.on('close', (code) => {
      clearTimeout(timer);
      resolve({ code: code ?? -1, stdout, stderr });
    });
  });
}

/** What it printed. @throws SottoError with what it said, if it failed */
export async function readSottoOutput(command: SottoCommand, what: readonly string[]): Promise<string> {
  const { code, stdout, stderr } = await runSotto(command, what);
  if (code !== 0) throw parseFailure(stderr);
  return stdout.trim();
}

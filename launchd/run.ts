/** Runs a command of the service manager. */
import { execFile } from 'node:child_process';
import { SottoError } from '#daemon/protocol/errors.js';

export interface CommandResult {
  /** Exit code; 127 if the command was not found, -1 if it was killed or timed out. */
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

export type RunCommand = (command: string, args: readonly string[]) => Promise<CommandResult>;

/** launchctl may wait until the agent has stopped. */
const COMMAND_TIMEOUT_MS = 30_000;

export const run: RunCommand = (command, args) =>
  new Promise((resolve) => {
    execFile(
      command,
      [...args],
      { timeout: COMMAND_TIMEOUT_MS, encoding: 'utf8' },
      (error, stdout, stderr) => {
        resolve({ code: codeOf(error), stdout, stderr });
      },
    );
  });

/** Error for a failed command, with the first line of its output. */
export function refusal(command: string, what: string, { code, stdout, stderr }: CommandResult): SottoError {
  const output = (stderr.trim() || stdout.trim()).split('\n')[0] ?? '';
  return new SottoError('AGENT_FAILED', `${command} ${what} failed (${code}): ${output}`);
}

function codeOf(error: { code?: unknown } | null): number {
  if (error === null) return 0;
  if (error.code === 'ENOENT') return 127;
  return typeof error.code === 'number' ? error.code : -1;
}

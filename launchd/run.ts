/** One command of the service manager, run to its end. */
import { execFile } from 'node:child_process';
import { SottoError } from '#daemon/protocol/errors.js';

export interface CommandResult {
  /** Exit code; 127 where the command is not there, -1 where it was killed or took too long. */
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

export type RunCommand = (command: string, args: readonly string[]) => Promise<CommandResult>;

/** launchctl may take as long as the agent takes to end. */
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

/** What a service manager said when it refused. */
export function refusal(command: string, what: string, { code, stdout, stderr }: CommandResult): SottoError {
  const output = (stderr.trim() || stdout.trim()).split('\n')[0] ?? '';
  return new SottoError('AGENT_FAILED', `${command} ${what} failed (${code}): ${output}`);
}

function codeOf(error: { code?: unknown } | null): number {
  if (error === null) return 0;
  if (error.code === 'ENOENT') return 127;
  return typeof error.code === 'number' ? error.code : -1;
}

/** One command of the service manager, run to its end. */
import { execFile } from 'node:child_process';
import { SottoError } from '#daemon/protocol/errors.js';

export interface Ran {
  /** Exit code; 127 where the command is not there, -1 where it was killed or took too long. */
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

export type Run = (command: string, args: readonly string[]) => Promise<Ran>;

/** launchctl may take as long as the agent takes to end. */
const LIMIT_MS = 30_000;

export const run: Run = (command, args) =>
  new Promise((resolve) => {
    execFile(command, [...args], { timeout: LIMIT_MS, encoding: 'utf8' }, (error, stdout, stderr) => {
      resolve({ code: codeOf(error), stdout, stderr });
    });
  });

/** What a service manager said when it refused. */
export function refusal(command: string, what: string, { code, stdout, stderr }: Ran): SottoError {
  const said = (stderr.trim() || stdout.trim()).split('\n')[0] ?? '';
  return new SottoError('AGENT_FAILED', `${command} ${what} failed (${code}): ${said}`);
}

function codeOf(error: { code?: unknown } | null): number {
  if (error === null) return 0;
  if (error.code === 'ENOENT') return 127;
  return typeof error.code === 'number' ? error.code : -1;
}

/** Runs system commands with a time limit. */
import { execFile } from 'node:child_process';
import type { RunCommand } from '#launchd/run.js';
import { codeOf } from '../../protocol/errors.js';

/** `log show` of a busy minute takes the longest. */
const TIMEOUT_MS = 15_000;
const MAX_OUTPUT_BYTES = 32 * 2 ** 20;

/** @param signal kills the commands; `code` is -1 then, and 127 if there is no such command */
export function commandsUntil(signal: AbortSignal): RunCommand {
  return (command, args) =>
    new Promise((resolve) => {
      const options = {
        timeout: TIMEOUT_MS,
        maxBuffer: MAX_OUTPUT_BYTES,
        killSignal: 'SIGKILL',
        signal,
      } as const;
      execFile(command, [...args], { ...options, encoding: 'utf8' }, (error, stdout, stderr) => {
        const isMissing = codeOf(error) === 'ENOENT';
        const code = error === null ? 0 : typeof error.code === 'number' ? error.code : isMissing ? 127 : -1;
        resolve({ code, stdout, stderr });
      });
    });
}

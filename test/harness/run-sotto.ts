/** Runs the real command in a real process, with the fake engine by default. */
import { spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { defined } from '#daemon/protocol/defined.js';

export const fakeEngine = fileURLToPath(new URL('./fake-engine.js', import.meta.url));
export const launcher = fileURLToPath(new URL('../../../daemon/bin/sotto.mjs', import.meta.url));

export interface SottoProcess {
  readonly pid: number;
  /** Output so far. */
  stdout(): string;
  stderr(): string;
  kill(signal: NodeJS.Signals): void;
  readonly done: Promise<SottoResult>;
}

export interface SottoResult {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly stdout: string;
  readonly stderr: string;
}

export interface SottoOptions {
  readonly home: string;
  readonly cwd?: string;
  readonly env?: Readonly<Record<string, string>>;
  readonly realEngine?: boolean;
  /** User id of the process; only root can choose one. */
  readonly uid?: number;
}

export function startSotto(
  args: readonly string[],
  { home, cwd, env, realEngine, uid }: SottoOptions,
): SottoProcess {
  const child = spawn(process.execPath, [launcher, ...args], {
    ...defined({ cwd }),
    ...(uid === undefined ? {} : { uid, gid: uid }),
    env: {
      ...process.env,
      NO_COLOR: '1',
      NODE_OPTIONS: '',
      SOTTO_HOME: home,
      ...(realEngine === true ? {} : { SOTTO_ENGINE: fakeEngine }),
      ...env,
    },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let stdout = '';
  let stderr = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => (stdout += text));
  child.stderr.setEncoding('utf8').on('data', (text: string) => (stderr += text));
  const done = new Promise<SottoResult>((resolve) => {
    child.on('close', (code, signal) => resolve({ code, signal, stdout, stderr }));
  });
  return {
    pid: child.pid ?? -1,
    stdout: () => stdout,
    stderr: () => stderr,
    kill: (signal) => void child.kill(signal),
    done,
  };
}

export function sotto(args: readonly string[], options: SottoOptions): Promise<SottoResult> {
  return startSotto(args, options).done;
}

/** Runs compiled suites in a workspace, one process each, until one fails. */
import { spawn } from 'node:child_process';
import { join } from 'node:path';
import type { Workspace } from './workspace.js';

/** A suite may take this multiple of its time without a mutant, plus this margin. */
const SLOWDOWN_FACTOR = 4;
const TIMEOUT_MARGIN_MS = 20_000;

export type Outcome = 'killed' | 'timeout' | 'survived';

interface SuiteRun {
  readonly failed: boolean;
  readonly timedOut: boolean;
  readonly ms: number;
  readonly output: string;
}

export class SuiteRunner {
  readonly #workspace: Workspace;
  /** Duration of an unmutated suite, or undefined if it fails. */
  readonly #cleanMs = new Map<string, number | undefined>();
  readonly #limitMs: number;

  /** @param limitMs maximum duration of a suite */
  constructor(workspace: Workspace, limitMs: number) {
    this.#workspace = workspace;
    this.#limitMs = limitMs;
  }

  /**
   * The suites that pass without a mutant. Each runs once; a failing one is reported and left out, since it
   * cannot kill.
   */
  async passing(suites: readonly string[]): Promise<string[]> {
    for (const suite of suites) {
      if (this.#cleanMs.has(suite)) continue;
      const { failed, ms, output } = await this.#run(suite, {}, this.#limitMs);
      this.#cleanMs.set(suite, failed ? undefined : ms);
      if (failed) console.error(`${suite} fails without a mutant and is left out:\n${output.slice(-2_000)}`);
    }
    return suites.filter((suite) => this.#cleanMs.get(suite) !== undefined);
  }

  async kill(suites: readonly string[], env: Readonly<Record<string, string>>): Promise<Outcome> {
    for (const suite of suites) {
      const clean = this.#cleanMs.get(suite) ?? this.#limitMs;
      const { failed, timedOut } = await this.#run(
        suite,
        env,
        Math.min(this.#limitMs, clean * SLOWDOWN_FACTOR + TIMEOUT_MARGIN_MS),
      );
      if (timedOut) return 'timeout';
      if (failed) return 'killed';
    }
    return 'survived';
  }

  #run(suite: string, env: Readonly<Record<string, string>>, limitMs: number): Promise<SuiteRun> {
    const file = join(this.#workspace.folder, 'dist', suite.replace(/\.ts$/, '.js'));
    const jest = join(this.#workspace.folder, 'node_modules/jest/bin/jest.js');
    const flags = ['--bail', '--runInBand', '--forceExit', '--reporters=default'];
    const child = spawn(
      process.execPath,
      ['--experimental-vm-modules', '--no-warnings', jest, ...flags, '--runTestsByPath', file],
      {
        cwd: this.#workspace.folder,
        env: { ...process.env, ...env },
        stdio: ['ignore', 'pipe', 'pipe'],
        // A process group, so that processes started by a mutant end with it.
        detached: true,
      },
    );
    const startedMs = performance.now();
    let output = '';
    for (const stream of [child.stdout, child.stderr])
      stream.setEncoding('utf8').on('data', (text: string) => (output = (output + text).slice(-20_000)));
    return new Promise((resolve, reject) => {
      let timedOut = false;
      const endGroup = (): void => {
        try {
          process.kill(-(child.pid ?? 0), 'SIGKILL');
        } catch {
          // The group has already ended.
        }
      };
      const timer = setTimeout(() => {
        timedOut = true;
        endGroup();
      }, limitMs);
      child.on('error', reject);
      child.on('exit', (code) => {
        clearTimeout(timer);
        endGroup();
        const ms = performance.now() - startedMs;
        // A run without tests does not count as survival.
        const failed = code !== 0 || !/^Tests: .*\d+ passed/m.test(output);
        resolve({ failed, timedOut, ms, output });
      });
    });
  }
}

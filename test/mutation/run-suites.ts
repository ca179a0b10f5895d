/** Runs compiled suites in a workspace, one process each, until one of them fails. */
import { spawn } from 'node:child_process';
import { join } from 'node:path';
import type { Workspace } from './workspace.js';

/** A suite may take so many times what it took without a mutant, and this much more. */
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
  /** What a suite takes as it is, or undefined where it fails. */
  readonly #cleanMs = new Map<string, number | undefined>();
  readonly #limitMs: number;

  /** @param limitMs the most that a suite may take */
  constructor(workspace: Workspace, limitMs: number) {
    this.#workspace = workspace;
    this.#limitMs = limitMs;
  }

  /** The suites that pass without any mutant. Each is run once; one that fails is reported, since it can't kill. */
  async passing(suites: readonly string[]): Promise<string[]> {
    for (const suite of suites) {
      if (this.#cleanMs.has(suite)) continue;
      const { failed, ms, output } = await this.#run(suite, {}, this.#limitMs);
      this.#cleanMs.set(suite, failed ? undefined : ms);
      if (failed)
        console.error(`${suite} fails without any mutant, and is left out:\n${output.slice(-2_000)}`);
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
        // A group of its own: what a mutant has started ends with it.
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
          // All of it has ended.
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
        // A run that finds no test says nothing about a mutant.
        const failed = code !== 0 || !/^Tests: .*\d+ passed/m.test(output);
        resolve({ failed, timedOut, ms, output });
      });
    });
  }
}

/**
 * A daemon with a home folder of its own for the self-test. On macOS it is an agent with another label than the
 * user's, so that launchd starts it and macOS treats it like the login agent; elsewhere it is a plain process. The
 * user's daemon, agent and history aren't touched.
 */
import { spawn, type ChildProcess } from 'node:child_process';
import { existsSync, mkdtempSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { sleep } from '../../async.js';
import { createAgentPlan } from '#launchd/index.js';
import { LaunchAgent } from '#launchd/launchctl.js';
import type { RunCommand } from '#launchd/run.js';
import { SottoClient } from '../../client/index.js';
import { isRunning } from '../../is-running.js';
import { launcher, resolvePaths, type Paths } from '../../paths.js';
import { SottoError } from '../../protocol/errors.js';

/** Not the user's label: a killed test leaves this agent behind, and the next test removes it. */
export const TEST_LABEL = 'com.sotto.selftest';
const POLL_INTERVAL_MS = 100;
/** Includes loading the model. */
const START_TIMEOUT_MS = 20_000;
const STOP_TIMEOUT_MS = 5_000;

/** What is left after the daemon was stopped; nothing should be. */
interface Leftovers {
  readonly processes: readonly number[];
  readonly socket: boolean;
  readonly home: boolean;
}

export interface TestDaemon {
  /**
   * Starts it on the first call. @returns seconds until it responds
   * @throws SottoError AGENT_FAILED, DAEMON_UNAVAILABLE
   */
  start(): Promise<number>;
  /** Starts it if it isn't running. */
  connect(): Promise<SottoClient>;
  /** Kills its process. @returns seconds until another one responds; undefined if none does within `limitMs` */
  killAndWait(limitMs: number): Promise<number | undefined>;
  /** Whether a service manager restarts it. */
  readonly isAgent: boolean;
  /** Stops it and removes all its files; does nothing if it wasn't started. Never throws. */
  stop(): Promise<Leftovers | undefined>;
}

interface TestDaemonOptions {
  readonly os: NodeJS.Platform;
  readonly uid: number;
  /** The user's home folder, which holds the LaunchAgents. */
  readonly user: string;
  /** Holds the daemon's own home folder; the system's temporary folder by default. */
  readonly homesIn?: string;
  /** Runs commands that outlive a step, for the clean-up. */
  readonly run: RunCommand;
  /** Aborted when the user interrupts the test: nothing is waited for then. */
  readonly interrupt?: AbortSignal;
}

export class SelftestDaemon implements TestDaemon {
  readonly isAgent: boolean;
  readonly #options: TestDaemonOptions;
  #starting: Promise<number> | undefined;
  #paths: Paths | undefined;
  #agent: LaunchAgent | undefined;
  #child: ChildProcess | undefined;
  readonly #processes = new Set<number>();

  constructor(options: TestDaemonOptions) {
    this.#options = options;
    this.isAgent = options.os === 'darwin';
  }

  start(): Promise<number> {
    return (this.#starting ??= this.#start());
  }

  async connect(): Promise<SottoClient> {
    await this.start();
    const client = await SottoClient.connect(this.#home.socket, 'sotto-selftest');
    const { pid, engine } = await client.status();
    for (const each of [pid, engine.pid]) if (each !== undefined) this.#processes.add(each);
    return client;
  }

  async killAndWait(limitMs: number): Promise<number | undefined> {
    const before = await this.#pid();
    if (before === undefined) return undefined;
    const startMs = performance.now();
    process.kill(before, 'SIGKILL');
    while (performance.now() - startMs < limitMs && !this.#isInterrupted) {
      await sleep(POLL_INTERVAL_MS);
      const pid = await this.#pid();
      if (pid !== undefined && pid !== before) return (performance.now() - startMs) / 1000;
    }
    return undefined;
  }

  async stop(): Promise<Leftovers | undefined> {
    if (this.#starting === undefined) return undefined;
    await this.#starting.catch(() => undefined);
    this.#starting = undefined;
    const { home, socket } = this.#home;
    await this.#agent?.uninstall().catch(() => undefined);
    this.#child?.kill('SIGTERM');
    const isOver = (): boolean => [...this.#processes].every((pid) => !isRunning(pid));
    for (let waitedMs = 0; waitedMs < STOP_TIMEOUT_MS && !isOver(); waitedMs += POLL_INTERVAL_MS)
      await sleep(POLL_INTERVAL_MS);
    const processes = [...this.#processes].filter(isRunning);
    const isSocketLeft = existsSync(socket);
    for (const pid of processes) killIfRunning(pid);
    await rm(home, { recursive: true, force: true, maxRetries: 5, retryDelay: 100 }).catch(() => undefined);
    return { processes, socket: isSocketLeft, home: existsSync(home) };
  }

  get #isInterrupted(): boolean {
    return this.#options.interrupt?.aborted === true;
  }

  get #home(): Paths {
    this.#paths ??= resolvePaths({
      SOTTO_HOME: mkdtempSync(join(this.#options.homesIn ?? tmpdir(), 'sotto-st-')),
    });
    return this.#paths;
  }

  async #start(): Promise<number> {
    const startMs = performance.now();
    if (this.isAgent) await this.#install();
    else this.#spawn();
    while (performance.now() - startMs < START_TIMEOUT_MS && !this.#isInterrupted) {
      if ((await this.#pid()) !== undefined) return (performance.now() - startMs) / 1000;
      if (this.#child !== undefined && this.#child.exitCode !== null) break;
      await sleep(POLL_INTERVAL_MS);
    }
    throw new SottoError('DAEMON_UNAVAILABLE', 'the daemon of the self-test did not start', {
      hint: 'run `sotto doctor`',
    });
  }

  async #install(): Promise<void> {
    const { user, run, uid } = this.#options;
    const paths = this.#home;
    const plan = createAgentPlan(paths, { user, environment: { SOTTO_HOME: paths.home } });
    this.#agent = new LaunchAgent({ ...plan, label: TEST_LABEL }, { run, uid });
    await this.#agent.install();
  }

  #spawn(): void {
    const { home } = this.#home;
    // In a session of its own, so that Ctrl-C in the terminal reaches only the command, which then stops the
    // daemon.
    const child = spawn(process.execPath, [launcher, 'daemon', 'run', '--idle-exit', '5'], {
      detached: true,
      stdio: 'ignore',
      cwd: '/',
      env: { ...process.env, SOTTO_HOME: home },
    });
    child.once('error', () => undefined);
    child.unref();
    this.#child = child;
    if (child.pid !== undefined) this.#processes.add(child.pid);
  }

  /** Pid of the daemon that responds. */
  async #pid(): Promise<number | undefined> {
    try {
      const client = await SottoClient.connect(this.#home.socket, 'sotto-selftest');
      client.close();
      this.#processes.add(client.daemon.pid);
      return client.daemon.pid;
    } catch {
      return undefined;
    }
  }
}

function killIfRunning(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL');
  } catch {
    // The process has exited meanwhile.
  }
}

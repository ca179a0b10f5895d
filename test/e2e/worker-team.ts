/**
 * Machines that work for one queue: each a real `sotto worker` with a home, a daemon and a fake engine of its own.
 */
import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Redis } from 'ioredis';
import { openQueue, openRedis, type JobQueue } from '#daemon/worker/connect-queue.js';
import { statusOf, type QueueStatus } from '#daemon/worker/queue-status.js';
import { parseQueueUrl } from '#daemon/worker/queue-url.js';
import { writeFakeAudio, type FakeScript } from '#test/harness/fake-audio.js';
import { sotto, startSotto, type SottoProcess, type SottoResult } from '#test/harness/run-sotto.js';
import { stopAll } from '#test/harness/stop-all.js';
import { tempHome, type TempHome } from '#test/harness/temp-home.js';
import { until } from '#test/harness/wait.js';

/** Lock, check for stalled jobs, retry: a test can't wait half a minute for a dead worker. */
const TIMING = '3000,700,200';

export interface Machine {
  readonly name: string;
  readonly home: TempHome;
  worker: SottoProcess;
}

export class WorkerTeam {
  /** The disk that they share. */
  readonly folder = mkdtempSync(join(tmpdir(), 'wt-'));
  readonly machines: Machine[] = [];
  readonly #url: string;
  readonly #realEngine: boolean;
  readonly #homes: TempHome[] = [];
  readonly #workers: SottoProcess[] = [];
  readonly #client = tempHome();
  #watcher: { readonly client: Redis; readonly queue: JobQueue } | undefined;

  constructor(url: string, { realEngine = false }: { readonly realEngine?: boolean } = {}) {
    this.#url = url;
    this.#realEngine = realEngine;
    this.#homes.push(this.#client);
  }

  audio(name: string, script: Partial<FakeScript> = {}): string {
    mkdirSync(join(this.folder, name, '..'), { recursive: true });
    return writeFakeAudio(join(this.folder, name), script);
  }

  /** Starts one, and does not wait for it. */
  start(name: string, flags: readonly string[] = [], settings?: object, home = tempHome()): Machine {
    if (!this.#homes.includes(home)) this.#homes.push(home);
    if (settings !== undefined) writeFileSync(home.paths.settings, JSON.stringify(settings));
    const folders = flags.includes('--no-files') ? [] : ['--root', this.folder];
    const args = ['worker', '--queue', this.#url, '--name', name, '--timing', TIMING, ...folders, ...flags];
    const worker = startSotto(args, { home: home.folder, realEngine: this.#realEngine });
    this.#workers.push(worker);
    const machine = { name, home, worker };
    this.machines.push(machine);
    return machine;
  }

  /** The same machine, after its worker has died. */
  restart(machine: Machine): void {
    const index = this.machines.indexOf(machine);
    const { worker } = this.start(machine.name, [], undefined, machine.home);
    this.machines.pop();
    machine.worker = worker;
    this.machines[index] = machine;
  }

  run(args: readonly string[], env: Record<string, string> = {}): Promise<SottoResult> {
    return sotto(this.#withQueue(args), { home: this.#client.folder, cwd: this.folder, env });
  }

  begin(args: readonly string[]): SottoProcess {
    return startSotto(this.#withQueue(args), { home: this.#client.folder, cwd: this.folder });
  }

  /** As `sotto queue status` prints it, without the cost of another process. */
  async status(): Promise<QueueStatus> {
    this.#watcher ??= await this.#open();
    return statusOf(this.#watcher.queue);
  }

  /** The output of all workers. */
  output(): string {
    return this.#workers.map((worker) => worker.stdout()).join('');
  }

  /** Names in the shared folder that a worker wrote, and that are not texts. */
  leftovers(): string[] {
    return readdirSync(this.folder, { recursive: true, encoding: 'utf8' }).filter((name) =>
      name.endsWith('.part'),
    );
  }

  async end(): Promise<void> {
    this.#watcher?.client.disconnect();
    for (const worker of this.#workers) worker.kill('SIGKILL');
    await Promise.all(this.#workers.map(({ done }) => done));
    await Promise.all(this.#homes.map(({ paths }) => stopAll(paths)));
    for (const home of this.#homes) home.remove();
    rmSync(this.folder, { recursive: true, force: true });
  }

  async #open(): Promise<{ client: Redis; queue: JobQueue }> {
    const quiet = { onDisconnect: () => undefined, onReconnect: () => undefined };
    const client = await openRedis(parseQueueUrl(this.#url), quiet);
    return { client, queue: await openQueue(client) };
  }

  #withQueue(args: readonly string[]): string[] {
    return [...args, '--queue', this.#url];
  }
}

/** Every file that ever had a name: a text that is placed twice is two of them. */
export class Ledger {
  readonly #folder: string;
  readonly #extension: string;
  readonly #files = new Map<string, Set<string>>();
  readonly #timer: NodeJS.Timeout;

  constructor(folder: string, extension: string) {
    this.#folder = folder;
    this.#extension = extension;
    this.#timer = setInterval(() => this.#scan(), 20);
    this.#timer.unref();
  }

  /** How many texts each name has held. */
  close(): ReadonlyMap<string, number> {
    clearInterval(this.#timer);
    this.#scan();
    return new Map([...this.#files].map(([name, files]) => [name, files.size]));
  }

  #scan(): void {
    // The folder is gone after a failed test.
    for (const name of existsSync(this.#folder) ? readdirSync(this.#folder) : []) {
      if (!name.endsWith(this.#extension)) continue;
      const { ino, mtimeMs, size } = statSync(join(this.#folder, name));
      const files = this.#files.get(name) ?? new Set();
      this.#files.set(name, files.add(`${ino} ${mtimeMs} ${size}`));
    }
  }
}

/** The worker has started a file and not ended it. */
export async function untilBusy(team: WorkerTeam, names: readonly string[]): Promise<void> {
  await until(async () => {
    const { active } = await team.status();
    return names.every((name) => active.some(({ worker }) => worker === name));
  });
}

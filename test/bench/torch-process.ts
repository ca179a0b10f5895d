/** A Python process that times a network of torch: a line of stdin per measurement, beside ours in turns. */
import { spawn, type ChildProcess } from 'node:child_process';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { median } from './report.js';

export interface TorchTimes {
  readonly seconds: number;
  /** Of all threads. */
  readonly cpu: number;
}

export class TorchProcess {
  readonly #lines: AsyncIterator<string>;

  private constructor(readonly child: ChildProcess) {
    if (child.stdout === null) throw new Error('torch has no output');
    this.#lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  }

  /**
   * @param script of test/reference
   * @returns undefined unless `SOTTO_TORCH_PYTHON` names a Python with torch and transformers
   */
  static start(script: string, threads: number): TorchProcess | undefined {
    const python = process.env.SOTTO_TORCH_PYTHON;
    if (python === undefined) return undefined;
    const path = fileURLToPath(new URL(`../../../test/reference/${script}`, import.meta.url));
    // Threads that spin while they wait would count as CPU time of the network.
    const env = { ...process.env, OMP_NUM_THREADS: String(threads), OMP_WAIT_POLICY: 'passive' };
    return new TorchProcess(spawn(python, [path], { stdio: ['pipe', 'pipe', 'inherit'], env }));
  }

  /** @param line what the script measures */
  async measure(line: string): Promise<TorchTimes> {
    this.child.stdin?.write(`${line}\n`);
    for (;;) {
      const { value, done } = (await this.#lines.next()) as IteratorResult<string, undefined>;
      if (done === true) throw new Error('torch ended');
      const { seconds, cpu } = JSON.parse(value) as Partial<TorchTimes>;
      if (seconds !== undefined && cpu !== undefined) return { seconds, cpu };
    }
  }

  stop(): void {
    this.child.kill();
  }
}

/** The result of `run`, and its cost in this process. */
export async function timed<T>(run: () => Promise<T>): Promise<[T, TorchTimes]> {
  const [begin, before] = [performance.now(), process.cpuUsage()];
  const result = await run();
  const { user, system } = process.cpuUsage(before);
  return [result, { seconds: (performance.now() - begin) / 1000, cpu: (user + system) / 1e6 }];
}

/**
 * Medians of `runs` turns of ours and of torch, after one that does not count.
 *
 * @param line what torch measures
 */
export async function timedInTurns(
  run: () => Promise<unknown>,
  torch: TorchProcess,
  line: string,
  runs: number,
): Promise<{ own: TorchTimes; other: TorchTimes }> {
  const [own, other]: [TorchTimes[], TorchTimes[]] = [[], []];
  for (let i = 0; i <= runs; i++) {
    const [, ownTimes] = await timed(run);
    const otherTimes = await torch.measure(line);
    if (i === 0) continue;
    own.push(ownTimes);
    other.push(otherTimes);
  }
  return { own: middle(own), other: middle(other) };
}

const middle = (times: readonly TorchTimes[]): TorchTimes => ({
  seconds: median(times.map(({ seconds }) => seconds)),
  cpu: median(times.map(({ cpu }) => cpu)),
});

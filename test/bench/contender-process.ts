/** Runs a contender in a separate process with requests as JSON lines. All times are measured here, from outside. */
import { type ChildProcess, spawn } from 'node:child_process';
import { closeSync, existsSync, mkdirSync, openSync, readFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import { z } from 'zod';
import type { Contender } from './contenders.js';

const Failure = z.object({ error: z.string() });
const Info = z.object({ versions: z.record(z.string(), z.string()), settings: z.string() });
const Memory = z.object({ peakBytes: z.number() });
const Micro = z.object({ encodeSeconds: z.number(), tokenSeconds: z.number() });
const Transcript = z.object({
  text: z.string(),
  tokens: z.number().nullable(),
  /** Internal figures, if the contender reports them. */
  inside: z
    .object({ windows: z.number(), mel: z.number(), encode: z.number(), decode: z.number() })
    .optional(),
});

export type Info = z.infer<typeof Info>;
export type Micro = z.infer<typeof Micro>;
export interface Lap extends z.infer<typeof Transcript> {
  /** From the request to its answer. */
  readonly seconds: number;
  /** From the start of the process to the answer. */
  readonly secondsSinceStart: number;
}

const ANSWER_TIMEOUT_MS = 15 * 60_000;
const STOP_TIMEOUT_MS = 20_000;
/** Kernel ticks are 10 ms, so a spinning thread is visible within two of them. */
const IDLE_POLL_MS = 30;
const IDLE_TIMEOUT_MS = 2_000;

export class ContenderProcess {
  readonly #lines: AsyncIterator<string>;
  readonly #begin = performance.now();
  #ended: string | undefined;

  readonly #child: ChildProcess;
  readonly #log: string;

  private constructor(
    readonly contender: Contender,
    child: ChildProcess,
    log: string,
  ) {
    this.#child = child;
    this.#log = log;
    if (child.stdout === null) throw new Error(`${contender.name} has no output`);
    this.#lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
    child.on('error', (error) => (this.#ended = error.message));
    child.on('exit', (code, signal) => (this.#ended ??= `it ended (${code ?? signal ?? 'unknown'})`));
    child.stdin?.on('error', () => undefined); // a dead process is reported when its answer is missing
  }

  /** Writes its stderr to the file `log`. */
  static start(contender: Contender, log: string): ContenderProcess {
    const [program, ...args] = contender.command;
    if (program === undefined) throw new Error(`${contender.name} has no command`);
    mkdirSync(dirname(log), { recursive: true });
    const stderr = openSync(log, 'a');
    try {
      const env = { ...process.env, PYTHONUNBUFFERED: '1', ...contender.env };
      const child = spawn(program, args, { env, stdio: ['pipe', 'pipe', stderr] });
      return new ContenderProcess(contender, child, log);
    } finally {
      closeSync(stderr);
    }
  }

  /** Sends a line and reads one, validated by `shape`. */
  async request<T>(question: object, shape: z.ZodType<T>): Promise<T> {
    this.#child.stdin?.write(JSON.stringify(question) + '\n');
    const timer = setTimeout(() => this.#child.kill('SIGKILL'), ANSWER_TIMEOUT_MS);
    const answer: IteratorResult<string, unknown> = await this.#lines.next();
    clearTimeout(timer);
    if (answer.done === true) throw this.#failure(this.#ended ?? 'it closed its output');
    const value: unknown = JSON.parse(answer.value);
    const failed = Failure.safeParse(value);
    if (failed.success) throw this.#failure(failed.data.error);
    return shape.parse(value);
  }

  #failure(why: string): Error {
    return new Error(`${this.contender.name}: ${why} (see ${this.#log})`);
  }

  /** `file`: raw mono float32 at 16 kHz. */
  async transcribe(file: string, language: string): Promise<Lap> {
    const sentAt = performance.now();
    const transcript = await this.request({ op: 'transcribe', file, language }, Transcript);
    const now = performance.now();
    return { ...transcript, seconds: (now - sentAt) / 1000, secondsSinceStart: (now - this.#begin) / 1000 };
  }

  /** Measures the encoder on a full window, and a token. */
  micro(file: string, language: string): Promise<Micro> {
    return this.request({ op: 'micro', file, language }, Micro);
  }

  info(): Promise<Info> {
    return this.request({ op: 'info' }, Info);
  }

  async peakMegabytes(): Promise<number> {
    return (await this.request({ op: 'memory' }, Memory)).peakBytes / 1e6;
  }

  /** Waits until its threads have stopped spinning, so that the next contender has the cores for itself. */
  async idle(): Promise<void> {
    if (this.cpuTicks() === undefined) {
      await sleep(300);
      return;
    }
    const limit = performance.now() + IDLE_TIMEOUT_MS;
    for (let before = this.cpuTicks(); performance.now() < limit;) {
      await sleep(IDLE_POLL_MS);
      const now = this.cpuTicks();
      if (now === before) return;
      before = now;
    }
  }

  /** CPU time used so far in clock ticks; undefined if the system does not report it. */
  cpuTicks(): number | undefined {
    const path = `/proc/${this.#child.pid}/stat`;
    if (!existsSync(path)) return undefined;
    // The name, in parentheses, may hold spaces; user and system time are the 12th and 13th field after it.
    const fields = readFileSync(path, 'utf8').split(')').at(-1)?.trim().split(' ') ?? [];
    return Number(fields[11]) + Number(fields[12]);
  }

  /** Resolves when the process has exited. */
  async stop(): Promise<void> {
    if (this.#ended !== undefined) return;
    const exited = new Promise((resolve) => this.#child.once('exit', resolve));
    const timer = setTimeout(() => this.#child.kill('SIGKILL'), STOP_TIMEOUT_MS);
    this.#child.stdin?.end();
    await exited;
    clearTimeout(timer);
  }
}

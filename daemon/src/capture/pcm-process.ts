/** A child process that writes s16le mono 16 kHz audio to stdout and reports its state in messages. */
import { fork, type ChildProcess } from 'node:child_process';
import { PassThrough } from 'node:stream';

interface PcmProcessListener {
  message(value: unknown): void;
  /** The process has exited, and all its output was read. */
  exited(how: { code: number | null; signal: string | null; stderrTail: string }): void;
}

export class PcmProcess {
  readonly #child: ChildProcess;
  /** Its stdout. Node drops unread output when a process exits, so it is read from the start. */
  readonly #sound = new PassThrough();
  readonly #ended: Promise<void>;

  constructor(modulePath: string, args: readonly string[], listener: PcmProcessListener) {
    this.#child = fork(modulePath, [...args], {
      stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
      execArgv: ['--no-warnings'],
      env: { ...process.env },
    });
    this.#child.stdout?.pipe(this.#sound);
    let stderrTail = '';
    this.#child.stderr?.on('data', (chunk: Buffer) => {
      stderrTail = `${stderrTail}${chunk.toString()}`.slice(-2_000);
    });
    this.#child.on('message', (value) => listener.message(value));
    this.#ended = new Promise((resolve) => {
      this.#child.on('error', (error) => {
        listener.exited({ code: null, signal: null, stderrTail: error.message });
        resolve();
      });
      this.#child.on('close', (code, signal) => {
        listener.exited({ code, signal, stderrTail: stderrTail.trim().split('\n').at(-1) ?? '' });
        resolve();
      });
    });
  }

  /** Whole samples as they arrive; the process waits while the caller doesn't read. */
  async *samples(): AsyncGenerator<Int16Array, void> {
    let odd = Buffer.alloc(0);
    for await (const chunk of this.#sound) {
      const bytes = Buffer.concat([odd, chunk as Buffer]);
      const count = bytes.length >> 1;
      const samples = new Int16Array(count);
      for (let i = 0; i < count; i++) samples[i] = bytes.readInt16LE(2 * i);
      odd = bytes.subarray(2 * count);
      if (count > 0) yield samples;
    }
  }

  kill(): void {
    this.#child.kill('SIGKILL');
  }

  /** Resolves when the process has exited. */
  get ended(): Promise<void> {
    return this.#ended;
  }
}

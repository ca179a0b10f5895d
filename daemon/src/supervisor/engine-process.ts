/** One engine process: its birth, its messages, its stderr and its death. Knows nothing of jobs or restarts. */
import { fork, type ChildProcess } from 'node:child_process';
import { createInterface } from 'node:readline';
import { SottoError } from '../protocol/errors.js';
import type { FromEngine, ToEngine } from '../protocol/ipc.js';

/** How to start one. Tests put another module in its place. */
export interface EngineCommand {
  /** Absolute path of the JavaScript module that the child runs. */
  readonly modulePath: string;
  readonly args?: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
}

interface EngineProcessEvents {
  onMessage(message: FromEngine): void;
  /** A line that it wrote to stdout or stderr. */
  onLine(line: string): void;
  /** Called once, after the process is gone. `why` is a sentence such as "killed by SIGABRT". */
  onExit(why: string): void;
}

/** Loaded while the first engine starts: the schemas take 10 ms, and it says nothing before 100. */
const protocol = import('../protocol/ipc.js');

/** Native code may print without end; what does not help a reader is cut. */
const MAX_LINE_LENGTH = 2_000;

/** How long the streams of an ended process are still read. */
const DRAIN_TIMEOUT_MS = 500;

export class EngineProcess {
  readonly #child: ChildProcess;
  readonly #events: EngineProcessEvents;
  #why: string | undefined;
  #killed = false;
  #hasExited = false;

  constructor(command: EngineCommand, events: EngineProcessEvents) {
    this.#events = events;
    this.#child = fork(command.modulePath, [...(command.args ?? [])], {
      // Structured clone: typed arrays cross as bytes, and NaN stays NaN instead of turning into null.
      serialization: 'advanced',
      stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
      execArgv: ['--no-warnings'],
      env: { ...process.env, ...command.env },
    });
    this.#child.on(
      'message',
      (value) => void protocol.then(({ parseFromEngine }) => this.#receive(value, parseFromEngine)),
    );
    // A child that can't be started, or a channel that breaks while we write: the exit follows or has come.
    this.#child.on('error', (error) => {
      this.#why ??= error.message;
      if (this.#child.pid === undefined) this.#end();
    });
    for (const stream of [this.#child.stdout, this.#child.stderr]) {
      if (stream !== null) {
        createInterface({ input: stream, crlfDelay: Infinity }).on('line', (line) =>
          events.onLine(line.slice(0, MAX_LINE_LENGTH)),
        );
      }
    }
    this.#child.on('exit', (code, signal) => {
      this.#why ??= signal === null ? `ended with exit code ${code}` : `killed by ${signal}`;
      // `close` comes once its streams are read to the end, so that its last words are heard before its death
      // is told; something that it started and that outlives it may hold them open, hence the limit.
      setTimeout(() => this.#end(), DRAIN_TIMEOUT_MS).unref();
    });
    this.#child.on('close', () => this.#end());
  }

  get pid(): number | undefined {
    return this.#child.pid;
  }

  /** Sends, or does nothing when the process is gone: its exit is reported anyway. */
  send(message: ToEngine): void {
    if (!this.#hasExited && this.#child.connected) this.#child.send(message, () => undefined);
  }

  /** Ends it at once. `why` is what `onExit` will say. */
  kill(why: string): void {
    this.#why ??= why;
    this.#killed = true;
    this.#child.kill('SIGKILL');
  }

  #receive(value: unknown, parse: (value: unknown) => FromEngine): void {
    if (this.#hasExited || this.#killed) return;
    let message: FromEngine;
    try {
      message = parse(value);
    } catch (error) {
      // An engine that talks nonsense (NaN for a probability) computes nonsense: a new one takes over.
      this.kill(`sent a message that makes no sense: ${SottoError.from(error).message}`);
      return;
    }
    this.#events.onMessage(message);
  }

  #end(): void {
    if (this.#hasExited) return;
    this.#hasExited = true;
    this.#events.onExit(this.#why ?? 'it is gone');
  }
}

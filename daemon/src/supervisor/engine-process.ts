/** One engine process: start, messages, stderr and exit. Knows nothing of jobs or restarts. */
import { fork, type ChildProcess } from 'node:child_process';
import { createInterface } from 'node:readline';
import { SottoError } from '../protocol/errors.js';
import type { FromEngine, ToEngine } from '../protocol/ipc.js';

/** How to start an engine. Tests use another module. */
export interface EngineCommand {
  /** Absolute path of the JavaScript module that the child runs. */
  readonly modulePath: string;
  readonly args?: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
}

interface EngineProcessEvents {
  onMessage(message: FromEngine): void;
  /** A line from its stdout or stderr. */
  onLine(line: string): void;
  /** Called once, after the process has exited. `why` is a phrase such as "killed by SIGABRT". */
  onExit(why: string): void;
}

/**
 * Loaded while the first engine starts: the schemas take 10 ms, and the engine sends nothing in its first 100 ms.
 */
const protocol = import('../protocol/ipc.js');

/** Native code may print endless lines. */
const MAX_LINE_LENGTH = 2_000;

/** How long the streams of an exited process are read. */
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
    // The child could not start, or the channel broke during a write: the exit follows or has come.
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
      this.#why ??= signal === null ? `exited with code ${code}` : `killed by ${signal}`;
      // `close` comes once the streams are read to the end, so the last lines arrive before the exit is reported. A
      // grandchild may hold the streams open, hence the time limit.
      setTimeout(() => this.#end(), DRAIN_TIMEOUT_MS).unref();
    });
    this.#child.on('close', () => this.#end());
  }

  get pid(): number | undefined {
    return this.#child.pid;
  }

  /** Sends a message; does nothing after the exit, which is reported anyway. */
  send(message: ToEngine): void {
    if (!this.#hasExited && this.#child.connected) this.#child.send(message, () => undefined);
  }

  /** Kills the process. `why` is what `onExit` will receive. */
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
      // An engine that sends invalid messages (NaN for a probability) computes garbage: replace it.
      this.kill(`sent an invalid message: ${SottoError.from(error).message}`);
      return;
    }
    this.#events.onMessage(message);
  }

  #end(): void {
    if (this.#hasExited) return;
    this.#hasExited = true;
    this.#events.onExit(this.#why ?? 'exited');
  }
}

/**
 * Dictation while processes are killed: a daemon that restarts like under launchd, and dictations of the ramp in real
 * time, which show every lost or doubled sample.
 */
import { spawn, type ChildProcess } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { Dictation, SottoClient } from '#daemon/client/index.js';
import { SottoError } from '#daemon/protocol/errors.js';
import type { LiveOptions } from '#daemon/protocol/live.js';
import type { DaemonStatus } from '#daemon/protocol/status.js';
import { fakeEngine, launcher } from './run-sotto.js';
import { ramp, rampText, SECOND } from './ramp.js';
import { tempHome, type TempHome } from './temp-home.js';
import { until } from './wait.js';
import { defined } from '#daemon/protocol/defined.js';

/** launchd waits longer only after many exits. */
const RESTART_MS = 50;
const PIECE = SECOND / 10;

export class RestartingDaemon {
  readonly home: TempHome = tempHome();
  readonly #model: string | undefined;
  readonly #isReal: boolean;
  #child: ChildProcess | undefined;
  #ended = false;
  deaths = 0;

  /** @param realModel model folder for the real engine, or `default` for those that are included; the fake engine if absent */
  constructor(realModel?: string) {
    this.#model = realModel === 'default' ? undefined : realModel;
    this.#isReal = realModel !== undefined;
    if (realModel === 'default') writeFileSync(this.home.paths.settings, '{}');
    this.#start();
  }

  connect(): Promise<SottoClient> {
    return SottoClient.connect(this.home.paths.socket, 'under-fire');
  }

  /** Resolves when daemon and engine are ready, with the chosen model: the included one may serve before it. */
  async ready(): Promise<void> {
    await until(async () => {
      const status = await this.#status();
      return status?.state === 'ready' && status.engine.pendingModel === undefined;
    });
  }

  killDaemon(): void {
    this.#child?.kill('SIGKILL');
  }

  /** @returns false if none is running */
  async killEngine(): Promise<boolean> {
    const pid = await this.#enginePid();
    if (pid === undefined) return false;
    try {
      process.kill(pid, 'SIGKILL');
      return true;
    } catch {
      return false;
    }
  }

  async end(): Promise<void> {
    this.#ended = true;
    const child = this.#child;
    if (child !== undefined && child.exitCode === null && child.signalCode === null) {
      const exited = new Promise((resolve) => child.once('exit', resolve));
      child.kill('SIGTERM');
      await exited;
    }
    this.home.remove();
  }

  async #enginePid(): Promise<number | undefined> {
    const engine = (await this.#status())?.engine;
    return engine?.state === 'ready' ? engine.pid : undefined;
  }

  async #status(): Promise<DaemonStatus | undefined> {
    try {
      const client = await this.connect();
      const status = await client.status();
      client.close();
      return status;
    } catch {
      return undefined;
    }
  }

  #start(): void {
    if (this.#ended) return;
    const model = this.#model;
    const args = [launcher, 'daemon', 'run', ...(model === undefined ? [] : ['--model', model])];
    const engine = this.#isReal ? {} : { SOTTO_ENGINE: fakeEngine };
    this.#child = spawn(process.execPath, args, {
      env: { ...process.env, NODE_OPTIONS: '', SOTTO_HOME: this.home.folder, ...engine },
      stdio: 'ignore',
    });
    this.#child.once('exit', () => {
      this.deaths += 1;
      setTimeout(() => this.#start(), RESTART_MS);
    });
  }
}

export interface DictatedText {
  readonly samples: number;
  /** The final text. */
  readonly text: string;
  /** The committed text. */
  readonly committed: string;
  readonly error?: string;
  /** Times of committed words, by `performance.now()`. */
  readonly committedAtMs: readonly number[];
  /** Delay of each word after its last sample. */
  readonly wordDelaysMs: readonly number[];
}

interface Speaking {
  /** Otherwise as fast as possible. */
  readonly isRealTime?: boolean;
  readonly options?: LiveOptions;
  /** Whether to close its connections at the end. */
  readonly closes?: boolean;
}

/** Dictates the first seconds of the ramp. */
export function speakRamp(
  daemon: Pick<RestartingDaemon, 'connect'>,
  seconds: number,
  speaking: Speaking = {},
): Promise<DictatedText> {
  return speak(daemon, ramp(0, Math.round(seconds * SECOND)), speaking);
}

/** Dictates samples, in real time by default. */
export async function speak(
  daemon: Pick<RestartingDaemon, 'connect'>,
  pcm: Int16Array,
  { closes = true, options = {}, isRealTime = true }: Speaking = {},
): Promise<DictatedText> {
  const clients: SottoClient[] = [];
  const connect = async (): Promise<SottoClient> => {
    const client = await daemon.connect();
    clients.push(client);
    return client;
  };
  const dictation = Dictation.open({ connect, options, isShared: !closes });
  const sentMs: number[] = [];
  const speaking = (async () => {
    const beganMs = performance.now();
    for (let at = 0; at < pcm.length; at += PIECE) {
      dictation.push(pcm.subarray(at, at + PIECE));
      sentMs.push(performance.now());
      if (!isRealTime) continue;
      const dueMs = beganMs + ((at + PIECE) / SECOND) * 1000;
      await sleep(Math.max(0, dueMs - performance.now()));
    }
    dictation.finish();
  })();
  let committed = '';
  let text = '';
  let error: string | undefined;
  const committedAtMs: number[] = [];
  const wordDelaysMs: number[] = [];
  for await (const event of dictation.events()) {
    if (event.type === 'committed') {
      committed += event.text;
      const nowMs = performance.now();
      committedAtMs.push(nowMs);
      for (const { end } of event.words) {
        const piece = Math.ceil((end * SECOND) / PIECE) - 1;
        wordDelaysMs.push(nowMs - (sentMs[piece] ?? nowMs));
      }
    }
    if (event.type === 'final') text = event.text;
    if (event.type === 'failed') error = SottoError.fromWire(event.error).message;
  }
  await speaking;
  if (closes) for (const client of clients) client.close();
  return {
    samples: pcm.length,
    text,
    committed,
    committedAtMs,
    wordDelaysMs,
    ...defined({ error }),
  };
}

/** Describes any error in a dictated ramp. */
export function flaw({ committed, error, samples, text }: DictatedText): string | undefined {
  const expected = rampText(samples);
  if (error !== undefined) return `failed: ${error}`;
  if (text !== expected) return `wrong final text:\n  ${text}\n  ${expected}`;
  if (committed !== expected) return `wrong committed text:\n  ${committed}\n  ${expected}`;
  return undefined;
}

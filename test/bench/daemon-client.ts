/** A daemon for a bench, started in its own folder and used over its socket. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { SottoClient } from '#daemon/client/index.js';
import { resolvePaths } from '#daemon/paths.js';
import type { TranscribeOptions } from '#daemon/protocol/transcription.js';
import { root } from './clips.js';

const START_MS = 30_000;

export interface TimedRequest {
  readonly seconds: number;
  readonly inModel: number;
}

export class DaemonUnderTest {
  readonly #process: ChildProcess;
  readonly #client: SottoClient;

  private constructor(process: ChildProcess, client: SottoClient) {
    this.#process = process;
    this.#client = client;
  }

  static async start(home: string): Promise<DaemonUnderTest> {
    const env = { ...process.env, SOTTO_HOME: home };
    const child = spawn(process.execPath, [join(root, 'daemon/bin/sotto.mjs'), 'daemon', 'run'], {
      env,
      stdio: ['ignore', 'ignore', 'ignore'],
    });
    const { socket } = resolvePaths(env);
    const giveUp = performance.now() + START_MS;
    for (;;) {
      try {
        return new DaemonUnderTest(child, await SottoClient.connect(socket, 'bench'));
      } catch (error) {
        if (child.exitCode !== null || performance.now() > giveUp) {
          child.kill();
          throw error;
        }
        await delay(100);
      }
    }
  }

  /** Measures the seconds from the request to the final message, and those that the model reports. */
  async transcribe(path: string, options: TranscribeOptions, model: string): Promise<TimedRequest> {
    const begin = performance.now();
    for await (const event of this.#client.transcribe(path, options, { model })) {
      if (event.type === 'final') {
        return { seconds: (performance.now() - begin) / 1000, inModel: event.summary.timings.total };
      }
    }
    throw new Error('the job ended without a final message');
  }

  async stop(): Promise<void> {
    if (this.#process.exitCode !== null) return;
    const exited = once(this.#process, 'exit');
    await this.#client.stop().catch(() => this.#process.kill());
    await exited;
  }
}

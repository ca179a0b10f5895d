/** Runs an engine process directly, as the supervisor does, without a daemon. */
import { join } from 'node:path';
import { EngineProcess } from '#daemon/supervisor/engine-process.js';
import type { FromEngine } from '#daemon/protocol/ipc.js';
import type { EngineFigures } from '#daemon/protocol/status.js';
import type { TranscribeOptions } from '#daemon/protocol/transcription.js';
import { root } from './clips.js';

interface EngineRun {
  readonly outcome: 'done' | 'cancelled' | 'failed';
  readonly text: string;
  readonly message?: string;
}

export class EngineClient {
  readonly #process: EngineProcess;
  #waiting: ((message: FromEngine) => void)[] = [];
  #ended: string | undefined;
  #job = 0;

  readonly #model: { name: string; dir: string };

  constructor(model: { name: string; dir: string }) {
    this.#model = model;
    this.#process = new EngineProcess(
      { modulePath: join(root, 'dist/daemon/src/engine/main.js') },
      {
        onMessage: (message) => {
          for (const listener of [...this.#waiting]) listener(message);
        },
        onLine: (line) => console.error(`engine: ${line}`),
        onExit: (why) => {
          this.#ended = why;
        },
      },
    );
  }

  get pid(): number | undefined {
    return this.#process.pid;
  }

  /** Resolves with the first defined value of `pick`. */
  #until<T>(pick: (message: FromEngine) => T | undefined): Promise<T> {
    return new Promise((resolve, reject) => {
      const watch = setInterval(() => {
        if (this.#ended !== undefined) finish(() => reject(new Error(`the engine ended: ${this.#ended}`)));
      }, 100);
      const listener = (message: FromEngine) => {
        const value = pick(message);
        if (value !== undefined) finish(() => resolve(value));
      };
      const finish = (then: () => void) => {
        clearInterval(watch);
        this.#waiting = this.#waiting.filter((other) => other !== listener);
        then();
      };
      this.#waiting.push(listener);
    });
  }

  async load(): Promise<void> {
    const loadAnswer = this.#until((m) => (m.type === 'loaded' || m.type === 'load-failed' ? m : undefined));
    this.#process.send({ type: 'load', requestId: 1, model: this.#model, fallbacks: [] });
    const answer = await loadAnswer;
    if (answer.type === 'load-failed') throw new Error(`the model did not load: ${answer.error.message}`);
  }

  /** Transcribes a file; cancels the job after `cancelAfterMs`, if set. */
  async run(path: string, options: TranscribeOptions, cancelAfterMs?: number): Promise<EngineRun> {
    const job = ++this.#job;
    let text = '';
    const over = this.#until<EngineRun>((m) => {
      if (!('job' in m) || m.job !== job) return undefined;
      if (m.type === 'event' && m.event.type === 'segment') text += m.event.segment.text;
      if (m.type === 'done') return { outcome: 'done', text };
      if (m.type === 'cancelled') return { outcome: 'cancelled', text };
      if (m.type === 'failed') return { outcome: 'failed', text, message: m.error.message };
      return undefined;
    });
    this.#process.send({ type: 'run', job, path, model: this.#model, work: { task: 'transcribe', options } });
    if (cancelAfterMs !== undefined) {
      setTimeout(() => this.#process.send({ type: 'cancel', job }), cancelAfterMs).unref();
    }
    return over;
  }

  figures(): Promise<EngineFigures> {
    const pong = this.#until((m) => (m.type === 'pong' ? m.figures : undefined));
    this.#process.send({ type: 'ping' });
    return pong;
  }

  stop(): void {
    this.#process.send({ type: 'shutdown' });
  }
}

/** Plays a file like a microphone: each chunk is sent when its last sample would have been recorded. */
import { basename, resolve } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import * as v from 'valibot';
import { SottoError } from '../protocol/errors.js';
import { SAMPLE_RATE } from '../protocol/live.js';
import { pcmReplySchema } from '../protocol/pcm-process.js';
import { PcmProcess } from './pcm-process.js';
import type { AudioSourceInfo, AudioSource, SourceListener } from './audio-source.js';
import { defined } from '../protocol/defined.js';

/** 20 ms, like a microphone: the first sample of a chunk is at most this late. */
const SPOKEN_SAMPLES = SAMPLE_RATE / 50;
/** Without real time, a second. */
const UNPACED_SAMPLES = SAMPLE_RATE;
const TOOL = fileURLToPath(new URL('../engine/pcm-tool.js', import.meta.url));

interface FileSourceOptions {
  /** Resolves when the first chunk may be sent. */
  readonly ready: () => Promise<void>;
  /** Resolves when more audio is wanted, for a file that isn't played in real time. */
  readonly room?: () => Promise<void>;
}

export class FileAudioSource implements AudioSource {
  readonly isLive = false;
  readonly isRealTime: boolean;
  readonly #path: string;
  readonly #options: FileSourceOptions;
  readonly #stopped = new AbortController();
  #process: PcmProcess | undefined;
  #failure: SottoError | undefined;

  constructor(path: string, options: FileSourceOptions) {
    this.#path = path;
    this.isRealTime = options.room === undefined;
    this.#options = options;
  }

  open(): Promise<AudioSourceInfo> {
    return new Promise((done, failed) => {
      this.#process = new PcmProcess(TOOL, [resolve(this.#path)], {
        message: (value) => {
          const reply = v.parse(pcmReplySchema, value);
          if (reply.type === 'failed') this.#failure = SottoError.fromWire(reply.error);
          else {
            const { durationSeconds } = reply;
            done({
              name: basename(this.#path),
              ...defined({ durationSeconds }),
            });
          }
        },
        exited: ({ code, signal, stderrTail }) => {
          if (code !== 0 && !this.#stopped.signal.aborted) {
            this.#failure ??= new SottoError(
              'INTERNAL',
              `decoding failed (${signal ?? code}): ${stderrTail}`,
            );
          }
          failed(this.#failure ?? new SottoError('CANCELLED', 'stopped before it was open'));
        },
      });
    });
  }

  start(listener: SourceListener): void {
    void this.#play(listener).then(() => {
      if (this.#failure === undefined || this.#stopped.signal.aborted) listener.end();
      else listener.failed(this.#failure);
    });
  }

  stop(): void {
    this.#stopped.abort();
    this.#process?.kill();
  }

  async #play(listener: SourceListener): Promise<void> {
    const { ready, room } = this.#options;
    await this.#unlessStopped(ready());
    let startMs: number | undefined;
    let played = 0;
    const pieceSamples = this.isRealTime ? SPOKEN_SAMPLES : UNPACED_SAMPLES;
    for await (const samples of this.#process?.samples() ?? []) {
      startMs ??= performance.now();
      for (let at = 0; at < samples.length; at += pieceSamples) {
        const piece = samples.subarray(at, at + pieceSamples);
        played += piece.length;
        // Relative to the start, so that delays don't add up.
        const dueMs = startMs + (1000 * played) / SAMPLE_RATE - performance.now();
        if (room !== undefined) await this.#unlessStopped(room());
        else if (dueMs > 0) await this.#unlessStopped(sleep(dueMs, undefined, this.#stopped));
        if (this.#stopped.signal.aborted) return;
        listener.pcm(piece);
      }
    }
    await this.#process?.ended;
  }

  async #unlessStopped(wait: Promise<void>): Promise<void> {
    const { signal } = this.#stopped;
    if (signal.aborted) return;
    await new Promise<void>((resolve) => {
      const go = (): void => {
        signal.removeEventListener('abort', go);
        resolve();
      };
      signal.addEventListener('abort', go);
      wait.then(go, go);
    });
  }
}

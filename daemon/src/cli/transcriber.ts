/** Where a command gets its text from: a daemon, or an engine of its own. Both give the same events. */
import { JobStream, type SottoClient } from '../client/index.js';
import { silentLog } from '../log.js';
import type { Paths } from '../paths.js';
import { SottoError } from '../protocol/errors.js';
import type { JobEvent } from '../protocol/messages.js';
import type { TranscribeOptions } from '../protocol/transcription.js';
import type { JobNotice } from '../sessions/job.js';
import { Replay } from '../sessions/replay.js';
import { buildParts, type Parts } from './parts.js';

export interface TranscriberCall {
  readonly signal: AbortSignal;
  readonly model?: string;
}

export interface Transcriber {
  /** @throws SottoError */
  transcribe(path: string, options: TranscribeOptions, call: TranscriberCall): AsyncGenerator<JobEvent, void>;
  close(): Promise<void>;
}

/** Work done by the daemon. When it dies in the middle of a file, the file is done again by the next one. */
export class DaemonTranscriber implements Transcriber {
  readonly #connect: () => Promise<SottoClient>;
  #client: SottoClient | undefined;

  /** `connect` finds or starts a daemon. */
  constructor(connect: () => Promise<SottoClient>) {
    this.#connect = connect;
  }

  async *transcribe(
    path: string,
    options: TranscribeOptions,
    call: TranscriberCall,
  ): AsyncGenerator<JobEvent, void> {
    const replay = new Replay();
    for (let attempt = 1; ; attempt++) {
      try {
        for await (const event of (await this.#connected()).transcribe(path, options, call)) {
          if (isNew(event, replay)) yield event;
        }
        return;
      } catch (error) {
        const lost = error instanceof SottoError && error.code === 'DAEMON_LOST';
        if (!lost || attempt > 1 || call.signal.aborted) throw error;
        replay.restart();
      }
    }
  }

  close(): Promise<void> {
    this.#client?.close();
    return Promise.resolve();
  }

  async #connected(): Promise<SottoClient> {
    if (this.#client?.connected !== true) this.#client = await this.#connect();
    return this.#client;
  }
}

function isNew(event: JobEvent, replay: Replay): boolean {
  switch (event.type) {
    case 'waiting':
    case 'started':
    case 'final':
      return true;
    case 'language':
    case 'text':
    case 'segment':
    case 'progress':
      return replay.admit(event);
  }
}

/** `--no-daemon`: the same sessions over an engine that lives as long as this command. */
export class OwnEngineTranscriber implements Transcriber {
  readonly #parts: Parts;

  constructor(paths: Paths) {
    this.#parts = buildParts({ paths, log: silentLog, warm: false });
    this.#parts.supervisor.start();
  }

  async *transcribe(
    path: string,
    options: TranscribeOptions,
    call: TranscriberCall,
  ): AsyncGenerator<JobEvent, void> {
    const { sessions } = this.#parts;
    call.signal.throwIfAborted();
    const stream = new JobStream();
    const request = { path, options, ...(call.model === undefined ? {} : { model: call.model }) };
    const job = sessions.submit(this, request, (notice) => pass(notice, stream));
    const cancel = (): void => sessions.cancel(job);
    call.signal.addEventListener('abort', cancel, { once: true });
    try {
      yield* stream.read();
    } finally {
      call.signal.removeEventListener('abort', cancel);
      sessions.cancel(job);
    }
  }

  async close(): Promise<void> {
    await this.#parts.supervisor.stop();
  }
}

function pass(notice: JobNotice, stream: JobStream): void {
  switch (notice.type) {
    case 'waiting':
    case 'started':
      stream.push(notice);
      return;
    case 'event':
      stream.push(notice.event);
      return;
    case 'final':
      stream.push({ type: 'final', summary: notice.summary });
      return;
    case 'cancelled':
      stream.fail(new SottoError('CANCELLED', 'cancelled'));
      return;
    case 'failed':
      stream.fail(notice.error);
      return;
  }
}

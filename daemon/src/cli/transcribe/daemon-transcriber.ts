import type { SottoClient } from '../../client/index.js';
import { SottoError } from '../../protocol/errors.js';
import type { JobEvent } from '../../protocol/messages.js';
import type { TranscribeOptions } from '../../protocol/transcription.js';
import { Replay } from '../../sessions/jobs/replay.js';
import type { Transcriber, TranscriberCall } from '../../batch/transcriber.js';

/** Transcribes in the daemon. If it crashes during a file, the next one starts the file again. */
export class DaemonTranscriber implements Transcriber {
  readonly #connect: () => Promise<SottoClient>;
  #client: SottoClient | undefined;
  /** Shared by concurrent callers. */
  #connecting: Promise<SottoClient> | undefined;

  /** @param connect finds or starts a daemon */
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
    if (this.#client?.connected === true) return this.#client;
    this.#connecting ??= this.#connect().finally(() => (this.#connecting = undefined));
    this.#client = await this.#connecting;
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

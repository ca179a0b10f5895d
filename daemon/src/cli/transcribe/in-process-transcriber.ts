import { JobStream } from '../../client/job-stream.js';
import { silentLog } from '../../logger.js';
import type { Paths } from '../../paths.js';
import { SottoError } from '../../protocol/errors.js';
import type { JobEvent } from '../../protocol/messages.js';
import type { TranscribeOptions } from '../../protocol/transcription.js';
import type { JobNotice } from '../../sessions/jobs/job.js';
import { trace } from '../../trace.js';
import { inProcessEvents } from '../in-process-events.js';
import { createDaemonCore, type DaemonCore } from '../../daemon-core.js';
import type { Transcriber, TranscriberCall } from '../../batch/transcriber.js';
import { defined } from '../../protocol/defined.js';

/** `--no-daemon`: the same sessions with an engine for this command only. */
export class InProcessTranscriber implements Transcriber {
  readonly #core: DaemonCore;

  constructor(paths: Paths) {
    this.#core = createDaemonCore({ paths, log: silentLog, warm: false });
    this.#core.supervisor.start();
    trace('cli', 'engine started');
  }

  transcribe(
    path: string,
    options: TranscribeOptions,
    { model, signal }: TranscriberCall,
  ): AsyncGenerator<JobEvent, void> {
    const { sessions } = this.#core;
    return inProcessEvents(signal, () => {
      const events = new JobStream();
      const request = { path, options, ...defined({ model }) };
      const job = sessions.submit(this, request, (notice) => forward(notice, events));
      return { events, cancel: () => sessions.cancel(job) };
    });
  }

  async close(): Promise<void> {
    await this.#core.supervisor.stop();
  }
}

function forward(notice: JobNotice, stream: JobStream): void {
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
      stream.end(new SottoError('CANCELLED', 'cancelled'));
      return;
    case 'failed':
      stream.end(notice.error);
      return;
  }
}

/** Encodes files through the daemon, or with an engine of this command. */
import { EventQueue } from '../../event-queue.js';
import type { EncodeEvent, SottoClient } from '../../client/index.js';
import { createDaemonCore } from '../../daemon-core.js';
import { silentLog } from '../../logger.js';
import type { Paths } from '../../paths.js';
import type { EncodeOptions } from '../../protocol/codec.js';
import { defined } from '../../protocol/defined.js';
import { SottoError } from '../../protocol/errors.js';
import type { EncodeNotice } from '../../sessions/jobs/job.js';
import { inProcessEvents } from '../in-process-events.js';

export interface EncodeCall {
  /** Absolute. */
  readonly path: string;
  readonly options: EncodeOptions;
  /** Name or absolute folder; the chosen codec if omitted. */
  readonly model?: string;
  readonly signal: AbortSignal;
}

export interface Encoder {
  /** @throws SottoError the error of the file; CANCELLED */
  encode(call: EncodeCall): AsyncGenerator<EncodeEvent, void>;
  close(): Promise<void>;
}

export function daemonEncoder(client: SottoClient): Encoder {
  return {
    encode: ({ path, options, model, signal }) =>
      client.codec.encode(path, options, { signal, ...defined({ model }) }),
    close: () => {
      client.close();
      return Promise.resolve();
    },
  };
}

/** `--no-daemon`: the same queue with an engine for this command only. */
export function inProcessEncoder(paths: Paths): Encoder {
  const { supervisor, sessions } = createDaemonCore({ paths, log: silentLog, warm: false });
  supervisor.start();
  return {
    encode: ({ path, options, model, signal }) =>
      inProcessEvents(signal, () => {
        const events = new EventQueue<EncodeEvent>();
        const request = { path, options, ...defined({ model }) };
        const job = sessions.encode(supervisor, request, (notice) => forward(notice, events));
        return { events, cancel: () => sessions.cancel(job) };
      }),
    close: () => supervisor.stop(),
  };
}

function forward(notice: EncodeNotice, events: EventQueue<EncodeEvent>): void {
  switch (notice.type) {
    case 'waiting':
    case 'started':
      events.push(notice);
      return;
    case 'codes':
      events.push({ type: 'codes', codes: notice.codes, seconds: notice.seconds });
      return;
    case 'encoded':
      events.push({ type: 'encoded', summary: notice.summary });
      events.end();
      return;
    case 'cancelled':
      events.end(new SottoError('CANCELLED', 'cancelled'));
      return;
    case 'failed':
      events.end(notice.error);
  }
}

import { EventQueue } from '../../event-queue.js';
import type { SpeechEvent } from '../../client/index.js';
import { systemClock } from '../../clock.js';
import { createDaemonCore, type DaemonCore } from '../../daemon-core.js';
import { silentLog } from '../../logger.js';
import type { Paths } from '../../paths.js';
import { defined } from '../../protocol/defined.js';
import { SottoError } from '../../protocol/errors.js';
import { SpeechService } from '../../sessions/speech/speech-service.js';
import type { SpeechNotice } from '../../sessions/speech/speech-session.js';
import { inProcessEvents } from '../in-process-events.js';
import type { Speaker, SpeakRequest } from './speaker.js';

/** `--no-daemon`: the same sessions with an engine for this command only. */
export class InProcessSpeaker implements Speaker {
  readonly #core: DaemonCore;
  readonly #service: SpeechService;

  constructor(paths: Paths) {
    this.#core = createDaemonCore({ paths, log: silentLog, warm: false });
    const { supervisor: engine, resolveModel } = this.#core;
    this.#service = new SpeechService({ engine, resolveModel, log: silentLog, clock: systemClock });
    engine.start();
  }

  async *speak({ source, model: wanted, signal }: SpeakRequest): AsyncGenerator<SpeechEvent, void> {
    let acknowledge: (samples: number) => void = () => undefined;
    const speech = inProcessEvents(signal, () => {
      const events = new EventQueue<SpeechEvent>();
      const { session, model } = this.#service.open({ source, ...defined({ model: wanted }) }, (notice) =>
        forward(notice, model, events),
      );
      acknowledge = (samples) => session.acknowledge(samples);
      const cancel = (): void => {
        session.cancel();
        events.end(new SottoError('CANCELLED', 'cancelled'));
      };
      return { events, cancel };
    });
    for await (const event of speech) {
      yield event;
      if (event.type === 'audio') acknowledge(event.firstSample + event.samples.length);
    }
  }

  async close(): Promise<void> {
    await this.#core.supervisor.stop();
  }
}

function forward(notice: SpeechNotice, model: string, events: EventQueue<SpeechEvent>): void {
  switch (notice.type) {
    case 'waiting':
      events.push(notice);
      return;
    case 'opened':
      events.push({ ...notice, model });
      return;
    case 'audio': {
      const { firstSample, samples, spoken } = notice;
      if (spoken !== undefined) events.push({ type: 'text', firstSample, spoken });
      events.push({ type: 'audio', firstSample, samples });
      return;
    }
    case 'final':
      events.push(notice);
      events.end();
      return;
    case 'failed':
      events.end(notice.error);
  }
}

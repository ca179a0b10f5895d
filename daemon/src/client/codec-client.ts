/**
 * Encodes files with a codec and decodes their codes, through the daemon.
 *
 * @example
 * for await (const event of client.codec.encode('/tmp/talk.wav')) {
 *   if (event.type === 'codes') console.log(event.codes.codes.length, 'codebooks');
 * }
 */
import { EventQueue } from '../event-queue.js';
import type { Codes, EncodedAudio, EncodeOptions } from '../protocol/codec.js';
import { defined } from '../protocol/defined.js';
import type { DaemonMessage, JobEvent } from '../protocol/messages.js';
import { assertMessageFits, errorOf } from './answers.js';
import { fileJob } from './file-job.js';
import type { OpenChannel } from './models.js';
import { audioFrom, type SpeakCall, type SpeechEvent } from './speech-client.js';

export type EncodeEvent =
  | Extract<JobEvent, { type: 'waiting' | 'started' }>
  /** Consecutive frames. `seconds`: audio encoded so far. */
  | { readonly type: 'codes'; readonly codes: Codes; readonly seconds: number }
  | { readonly type: 'encoded'; readonly summary: Encoded['summary'] };

type Encoded = Extract<DaemonMessage, { type: 'encoded' }>;

export class CodecClient {
  readonly #openChannel: OpenChannel;
  readonly #uploads: string | undefined;

  /** @param uploads folder of the daemon for copies of files that it can't open */
  constructor(openChannel: OpenChannel, uploads: string | undefined) {
    this.#openChannel = openChannel;
    this.#uploads = uploads;
  }

  /**
   * Encodes the file at an absolute path. The iteration ends after `encoded`; ending it earlier cancels the job.
   *
   * @throws SottoError the error of the job; CANCELLED after an abort; DAEMON_LOST if the connection is lost
   */
  async *encode(
    path: string,
    options: EncodeOptions = {},
    { signal, model }: SpeakCall = {},
  ): AsyncGenerator<EncodeEvent, void> {
    const events = new EventQueue<EncodeEvent>();
    yield* fileJob(this.#openChannel, {
      ...{ path, signal, events },
      uploads: this.#uploads,
      message: (id, supplies) => ({
        ...{ type: 'encode', id, path, options },
        ...defined({ model, supplies }),
      }),
      deliver: (message) => deliver(message, events),
      onCopied: (event) => events.push(event),
    });
  }

  /**
   * Decodes codes into audio. The iteration ends after `final`; ending it earlier cancels the work.
   *
   * @throws SottoError INVALID_ARGUMENT if the codes don’t fit into a message; as `encode`
   */
  async *decode(encoded: EncodedAudio, { signal, model }: SpeakCall = {}): AsyncGenerator<SpeechEvent, void> {
    assertMessageFits(encoded, 'these are more codes than the daemon accepts at once', {
      hint: 'use --no-daemon, or split the file',
    });
    yield* audioFrom(
      this.#openChannel,
      (id) => ({ type: 'decode', id, encoded, ...defined({ model }) }),
      signal,
    );
  }
}

function deliver(message: DaemonMessage, events: EventQueue<EncodeEvent>): void {
  switch (message.type) {
    case 'waiting':
    case 'started': {
      const { id: _, ...event } = message;
      events.push(event);
      return;
    }
    case 'codes': {
      const { codes, scales, seconds } = message;
      events.push({ type: 'codes', codes: { codes, ...defined({ scales }) }, seconds });
      return;
    }
    case 'encoded':
      events.push({ type: 'encoded', summary: message.summary });
      events.end();
      return;
    default:
      events.end(errorOf(message, '`encode`'));
  }
}

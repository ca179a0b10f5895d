/**
 * Converses with a model through the daemon.
 *
 * @example
 * const turns = [{ role: 'user', content: [{ type: 'audio', path: '/tmp/question.wav' }] }];
 * for await (const event of client.conversation.converse(turns, { speak: true })) {
 *   if (event.type === 'answer' && event.event.type === 'text') process.stdout.write(event.event.text);
 *   if (event.type === 'audio') await player.play(event.samples); // Float32Array, mono, ±1
 * }
 */
import { EventQueue } from '../event-queue.js';
import type {
  AnswerEvent,
  ConversationOptions,
  ConversationSummary,
  Turn,
} from '../protocol/conversation.js';
import { defined } from '../protocol/defined.js';
import type { ClientMessage, DaemonMessage } from '../protocol/messages.js';
import { assertMessageFits } from './answers.js';
import type { FileWaiting } from './file-copies.js';
import type { OpenChannel } from './models.js';
import { audioRequest, deliverAudio, type SpeakCall, type SpeechEvent } from './speech-client.js';

export type ConversationEvent =
  | Exclude<SpeechEvent, { type: 'waiting' | 'final' }>
  | Omit<Extract<DaemonMessage, { type: 'waiting' }>, 'id'>
  | FileWaiting
  /** A part of the answer besides its audio. */
  | { readonly type: 'answer'; readonly event: AnswerEvent }
  | { readonly type: 'answered'; readonly summary: ConversationSummary };

export class ConversationClient {
  readonly #openChannel: OpenChannel;
  readonly #uploads: string | undefined;

  /** @param uploads folder of the daemon for copies of files that it can't open */
  constructor(openChannel: OpenChannel, uploads: string | undefined) {
    this.#openChannel = openChannel;
    this.#uploads = uploads;
  }

  /**
   * Answers the last turn. Audio that was read counts as played: the daemon makes only a few seconds more. `sampleRate` of
   * `opened` is 0 for an answer without audio. The iteration ends after `answered`; ending it earlier cancels the work.
   *
   * @throws SottoError INVALID_ARGUMENT if the turns don’t fit into a message; the error of the work; CANCELLED after an
   *   abort; DAEMON_LOST if the connection is lost
   */
  async *converse(
    turns: readonly Turn[],
    options: ConversationOptions = {},
    { signal, model }: SpeakCall = {},
  ): AsyncGenerator<ConversationEvent, void> {
    const supplies = this.#uploads === undefined ? undefined : true;
    const message = (id: string): ClientMessage => ({
      ...{ type: 'converse', id, turns: [...turns], options },
      ...defined({ model, supplies }),
    });
    assertMessageFits(message(''), 'this is more text and audio than the daemon accepts at once', {
      hint: 'save the audio to files, or send fewer turns',
    });
    const events = new EventQueue<ConversationEvent>();
    yield* audioRequest(this.#openChannel, {
      ...{ events, message, signal },
      uploads: this.#uploads,
      deliver: (received) => deliver(received, events),
      onCopied: (event) => events.push(event),
    });
  }
}

function deliver(message: DaemonMessage, events: EventQueue<ConversationEvent>): void {
  switch (message.type) {
    case 'waiting': {
      const { id: _, ...event } = message;
      events.push(event);
      return;
    }
    case 'answer':
      events.push({ type: 'answer', event: message.event });
      return;
    case 'answered':
      events.push({ type: 'answered', summary: message.summary });
      events.end();
      return;
    default:
      deliverAudio(message, events, '`converse`');
  }
}

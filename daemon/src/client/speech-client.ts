/**
 * Speaks texts through the daemon.
 *
 * @example
 * for await (const event of client.speech.speak('Good morning.', { voice: 'plain' })) {
 *   if (event.type === 'opened') player.open(event.sampleRate);
 *   if (event.type === 'audio') await player.play(event.samples); // Float32Array, mono, ±1
 * }
 */
import { defined } from '../protocol/defined.js';
import type { ClientMessage, DaemonMessage } from '../protocol/messages.js';
import {
  toFloat32,
  type SpokenText,
  type SynthesisOptions,
  type SynthesisSummary,
} from '../protocol/synthesis.js';
import { throwIfCancelled } from '../async.js';
import { EventQueue } from '../event-queue.js';
import { cancelOnAbort, errorOf } from './answers.js';
import type { OpenChannel } from './models.js';

export type SpeechEvent =
  | { readonly type: 'waiting'; readonly for: string }
  /** Sample rate in Hz. */
  | { readonly type: 'opened'; readonly sampleRate: number; readonly model: string }
  /** What the audio from `firstSample` on speaks. */
  | { readonly type: 'text'; readonly firstSample: number; readonly spoken: SpokenText }
  /** Mono, ±1, without gaps. */
  | { readonly type: 'audio'; readonly firstSample: number; readonly samples: Float32Array }
  | { readonly type: 'final'; readonly summary: SynthesisSummary };

export interface SpeakCall {
  readonly signal?: AbortSignal;
  /** Name or absolute folder; the default model if omitted. */
  readonly model?: string;
}

export class SpeechClient {
  readonly #openChannel: OpenChannel;

  constructor(openChannel: OpenChannel) {
    this.#openChannel = openChannel;
  }

  /**
   * Speaks a text. Audio that was read counts as played: the daemon makes only a few seconds more. The iteration ends after
   * `final`; ending it earlier cancels the speech.
   *
   * @throws SottoError the error of the speech; CANCELLED after an abort; DAEMON_LOST if the connection is lost
   */
  async *speak(
    text: string,
    options: SynthesisOptions = {},
    { signal, model }: SpeakCall = {},
  ): AsyncGenerator<SpeechEvent, void> {
    yield* audioFrom(
      this.#openChannel,
      (id) => ({ type: 'speak', id, text, options, ...defined({ model }) }),
      signal,
    );
  }
}

/**
 * Sends a message that is answered with audio. Audio that was read counts as played.
 *
 * @throws SottoError the error of the daemon; CANCELLED after an abort; DAEMON_LOST
 */
export async function* audioFrom(
  openChannel: OpenChannel,
  message: (id: string) => ClientMessage,
  signal: AbortSignal | undefined,
): AsyncGenerator<SpeechEvent, void> {
  throwIfCancelled(signal, 'cancelled before it started');
  const events = new EventQueue<SpeechEvent>();
  const { id, channel } = openChannel({
    receive: (message) => deliver(message, events),
    audio: ({ firstSample, pcm }) => events.push({ type: 'audio', firstSample, samples: toFloat32(pcm) }),
    lost: (error) => events.end(error),
  });
  const end = cancelOnAbort({ id, channel, events, signal });
  try {
    channel.send(message(id));
    for await (const event of events.read()) {
      yield event;
      if (event.type === 'final') return;
      if (event.type !== 'audio') continue;
      channel.send({ type: 'speech-acknowledge', id, samples: event.firstSample + event.samples.length });
    }
  } finally {
    end();
  }
}

function deliver(message: DaemonMessage, events: EventQueue<SpeechEvent>): void {
  switch (message.type) {
    case 'waiting':
      events.push({ type: 'waiting', for: message.for });
      return;
    case 'speech-opened':
      events.push({ type: 'opened', sampleRate: message.sampleRate, model: message.model });
      return;
    case 'speech-text':
      events.push({ type: 'text', firstSample: message.firstSample, spoken: message.spoken });
      return;
    case 'speech-final':
      events.push({ type: 'final', summary: message.summary });
      events.end();
      return;
    default:
      events.end(errorOf(message, 'a request for audio'));
  }
}

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
import type { SottoError } from '../protocol/errors.js';
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
import { FileCopies, type FileWaiting } from './file-copies.js';
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
  const events = new EventQueue<SpeechEvent>();
  yield* audioRequest(openChannel, {
    ...{ events, message, signal },
    uploads: undefined,
    deliver: (received) => deliver(received, events),
  });
}

type AudioEvent = Extract<SpeechEvent, { type: 'opened' | 'text' | 'audio' }>;

interface AudioRequest<Event> {
  readonly message: (id: string) => ClientMessage;
  readonly signal: AbortSignal | undefined;
  /** Ends with the request. */
  readonly events: EventQueue<Event>;
  readonly deliver: (message: DaemonMessage) => void;
  /** Folder of the daemon for copies of files that it can’t open; undefined if the request has no files, or it takes none. */
  readonly uploads: string | undefined;
  readonly onCopied?: (event: FileWaiting) => void;
}

/** Sends a message that is answered with audio among other events. Audio that was read counts as played. */
export async function* audioRequest<Event extends { readonly type: string }>(
  openChannel: OpenChannel,
  { message, signal, events, deliver, uploads, onCopied = () => undefined }: AudioRequest<Event | AudioEvent>,
): AsyncGenerator<Event | AudioEvent, void> {
  throwIfCancelled(signal, 'cancelled before it started');
  const { id, channel } = openChannel({
    receive: (received) => {
      deliver(received);
      copies.receive(received);
    },
    audio: ({ firstSample, pcm }) => events.push({ type: 'audio', firstSample, samples: toFloat32(pcm) }),
    lost: (error) => events.end(error),
  });
  const copies = new FileCopies({ id, channel, uploads, events, onCopied });
  const end = cancelOnAbort({ id, channel, events, signal });
  try {
    channel.send(message(id));
    for await (const event of events.read()) {
      yield event;
      if (!isAudio(event)) continue;
      channel.send({ type: 'speech-acknowledge', id, samples: event.firstSample + event.samples.length });
    }
  } finally {
    copies.stop();
    end();
  }
}

function isAudio(event: { readonly type: string }): event is Extract<AudioEvent, { type: 'audio' }> {
  return event.type === 'audio';
}

function deliver(message: DaemonMessage, events: EventQueue<SpeechEvent>): void {
  switch (message.type) {
    case 'waiting':
      events.push({ type: 'waiting', for: message.for });
      return;
    case 'speech-final':
      events.push({ type: 'final', summary: message.summary });
      events.end();
      return;
    default:
      deliverAudio(message, events, 'a request for audio');
  }
}

/**
 * Delivers what comes with audio; any other message ends the events.
 *
 * @param request completes "… is not an answer to …"
 */
export function deliverAudio(
  message: DaemonMessage,
  events: { push(event: AudioEvent): void; end(error: SottoError): void },
  request: string,
): void {
  switch (message.type) {
    case 'speech-opened':
      events.push({ type: 'opened', sampleRate: message.sampleRate, model: message.model });
      return;
    case 'speech-text':
      events.push({ type: 'text', firstSample: message.firstSample, spoken: message.spoken });
      return;
    default:
      events.end(errorOf(message, request));
  }
}

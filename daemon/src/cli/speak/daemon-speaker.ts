import type { SottoClient, SpeechEvent } from '../../client/index.js';
import { defined } from '../../protocol/defined.js';
import type { Speaker, SpeakRequest } from './speaker.js';

export class DaemonSpeaker implements Speaker {
  readonly #connect: () => Promise<SottoClient>;
  #client: SottoClient | undefined;

  /** @param connect finds or starts the daemon */
  constructor(connect: () => Promise<SottoClient>) {
    this.#connect = connect;
  }

  async *speak({ source, model, signal }: SpeakRequest): AsyncGenerator<SpeechEvent, void> {
    this.#client ??= await this.#connect();
    const { speech, codec } = this.#client;
    const call = { signal, ...defined({ model }) };
    yield* source.type === 'text'
      ? speech.speak(source.text, source.options, call)
      : codec.decode(source.encoded, call);
  }

  close(): Promise<void> {
    this.#client?.close();
    return Promise.resolve();
  }
}

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

  async *speak({ text, options, model, signal }: SpeakRequest): AsyncGenerator<SpeechEvent, void> {
    this.#client ??= await this.#connect();
    yield* this.#client.speech.speak(text, options, { signal, ...defined({ model }) });
  }

  close(): Promise<void> {
    this.#client?.close();
    return Promise.resolve();
  }
}

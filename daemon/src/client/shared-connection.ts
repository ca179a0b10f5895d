/** One connection for several callers, opened again after it was lost. */
import { SottoError } from '../protocol/errors.js';
import type { SottoClient } from './client.js';

export class SharedConnection {
  readonly #connect: () => Promise<SottoClient>;
  #client: SottoClient | undefined;
  #connecting: Promise<SottoClient> | undefined;
  #closed = false;

  /** `connect` finds or starts a daemon. */
  constructor(connect: () => Promise<SottoClient>) {
    this.#connect = connect;
  }

  /** @throws SottoError what `connect` throws */
  async get(): Promise<SottoClient> {
    if (this.#client?.connected === true) return this.#client;
    this.#connecting ??= this.#connect().finally(() => (this.#connecting = undefined));
    const client = await this.#connecting;
    if (this.#closed) {
      client.close();
      throw new SottoError('CANCELLED', 'the connection was closed');
    }
    return (this.#client = client);
  }

  close(): void {
    this.#closed = true;
    this.#client?.close();
  }
}

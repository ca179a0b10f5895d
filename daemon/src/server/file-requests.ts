/** The requests of one client about the daemon's file queue, and its open watches. */
import { SottoError } from '../protocol/errors.js';
import type { ClientMessage } from '../protocol/messages.js';
import type { FileQueue } from '../sessions/files/file-queue.js';
import type { Send } from './model-requests.js';

const MAX_WATCHES = 8;

export class FileRequests {
  readonly #files: FileQueue;
  readonly #send: Send;
  readonly #watches = new Map<string, { close(): void }>();

  constructor(files: FileQueue, send: Send) {
    this.#files = files;
    this.#send = send;
  }

  /** @throws SottoError INVALID_ARGUMENT, BUSY */
  handle({ id, request }: Extract<ClientMessage, { type: 'files' }>): void {
    if (this.#watches.has(id)) throw new SottoError('INVALID_ARGUMENT', 'a request with this id is active');
    if (request.do !== 'watch') {
      this.#send({ type: 'files-done', id, result: this.#files.handle(request) }, false);
      return;
    }
    if (this.#watches.size >= MAX_WATCHES)
      throw new SottoError('BUSY', `this client has ${MAX_WATCHES} open watches`);
    // A slow reader may miss events, because the next one has the current state.
    this.#watches.set(
      id,
      this.#files.watch((event) => this.#send({ type: 'files-event', id, event }, true)),
    );
  }

  /** @returns whether there is a watch with this id */
  cancel(id: string): boolean {
    const watch = this.#watches.get(id);
    if (watch === undefined) return false;
    watch.close();
    this.#watches.delete(id);
    this.#send({ type: 'cancelled', id, seq: 1 }, false);
    return true;
  }

  /** The client disconnected; its files stay in the queue. */
  close(): void {
    for (const watch of this.#watches.values()) watch.close();
    this.#watches.clear();
  }
}

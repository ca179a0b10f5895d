/** What one client asks about the daemon's files: its answers as messages, and the watches that are not over. */
import { SottoError } from '../protocol/errors.js';
import type { ClientMessage, DaemonMessage } from '../protocol/messages.js';
import type { FileQueue } from '../sessions/files/file-queue.js';

/** Watches of one connection. */
const MAX_WATCHES = 8;

export class FileRequests {
  readonly #files: FileQueue;
  readonly #send: (message: DaemonMessage, onlyForDisplay: boolean) => boolean;
  readonly #watches = new Map<string, { close(): void }>();

  constructor(files: FileQueue, send: (message: DaemonMessage, onlyForDisplay: boolean) => boolean) {
    this.#files = files;
    this.#send = send;
  }

  /** @throws SottoError INVALID_ARGUMENT, BUSY */
  handle({ id, request }: Extract<ClientMessage, { type: 'files' }>): void {
    if (this.#watches.has(id)) throw new SottoError('INVALID_ARGUMENT', 'a request of this id is under way');
    if (request.do !== 'watch') {
      this.#send({ type: 'files-done', id, result: this.#files.handle(request) }, false);
      return;
    }
    if (this.#watches.size >= MAX_WATCHES)
      throw new SottoError('BUSY', `this client has ${MAX_WATCHES} watches open`);
    // What a slow reader misses is told again a moment later, as it is then.
    this.#watches.set(
      id,
      this.#files.watch((event) => this.#send({ type: 'files-event', id, event }, true)),
    );
  }

  /** @returns whether there is a watch of this id */
  cancel(id: string): boolean {
    const watch = this.#watches.get(id);
    if (watch === undefined) return false;
    watch.close();
    this.#watches.delete(id);
    this.#send({ type: 'cancelled', id, seq: 1 }, false);
    return true;
  }

  /** The client is gone; the files go on. */
  close(): void {
    for (const watch of this.#watches.values()) watch.close();
    this.#watches.clear();
  }
}

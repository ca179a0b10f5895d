/** Sends the queued files to one watcher: state changes at once and together, progress throttled and per file. */
import type { Clock } from '../../clock.js';
import type { FilesEvent } from '../../protocol/files.js';
import { Throttle } from '../throttle.js';
import type { Change, QueuedFile } from './queued-file.js';

export class FileFeed {
  readonly #all: () => readonly QueuedFile[];
  readonly #send: (event: FilesEvent) => boolean;
  readonly #throttle: Throttle;
  readonly #progressed = new Set<QueuedFile>();
  #hasStateChange = true;

  /** @param send returns false if the event was not sent; it is retried */
  constructor(all: () => readonly QueuedFile[], clock: Clock, send: (event: FilesEvent) => boolean) {
    this.#all = all;
    this.#send = send;
    this.#throttle = new Throttle(clock, () => this.#emit());
    this.#throttle.runSoon();
  }

  changed(queued: QueuedFile | undefined, change: Change): void {
    if (queued !== undefined && change === 'progress') {
      this.#progressed.add(queued);
      this.#throttle.runThrottled();
    } else {
      this.#hasStateChange = true;
      this.#throttle.runSoon();
    }
  }

  close(): void {
    this.#throttle.close();
  }

  #emit(): boolean {
    if (this.#hasStateChange) {
      if (!this.#send({ type: 'files', files: this.#all().map(({ facts }) => facts) })) return false;
      this.#hasStateChange = false;
      this.#progressed.clear();
    }
    for (const queued of this.#progressed) {
      if (!this.#send({ type: 'file', file: queued.facts })) return false;
      this.#progressed.delete(queued);
    }
    return true;
  }
}

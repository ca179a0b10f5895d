/** The files for one who watches them: another state at once and all together, progress now and then and one by one. */
import type { Clock } from '../../clock.js';
import type { FilesEvent } from '../../protocol/files.js';
import { Pace } from '../pace.js';
import type { Change, QueuedFile } from './queued-file.js';

export class FileFeed {
  readonly #all: () => readonly QueuedFile[];
  readonly #send: (event: FilesEvent) => boolean;
  readonly #pace: Pace;
  readonly #progressed = new Set<QueuedFile>();
  #hasStateChange = true;

  /** @param send false if it could not be passed on: it is tried again */
  constructor(all: () => readonly QueuedFile[], clock: Clock, send: (event: FilesEvent) => boolean) {
    this.#all = all;
    this.#send = send;
    this.#pace = new Pace(clock, () => this.#emit());
    this.#pace.atOnce();
  }

  changed(queued: QueuedFile | undefined, change: Change): void {
    if (queued !== undefined && change === 'progress') {
      this.#progressed.add(queued);
      this.#pace.nowAndThen();
    } else {
      this.#hasStateChange = true;
      this.#pace.atOnce();
    }
  }

  close(): void {
    this.#pace.close();
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

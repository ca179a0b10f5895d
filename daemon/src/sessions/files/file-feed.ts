/** The files for one who watches them: another state at once and all together, progress now and then and one by one. */
import type { Clock } from '../../clock.js';
import type { FilesEvent } from '../../protocol/files.js';
import { Pace } from '../pace.js';
import type { Change, FileWork } from './file-work.js';

export class FileFeed {
  readonly #all: () => readonly FileWork[];
  readonly #send: (event: FilesEvent) => boolean;
  readonly #pace: Pace;
  readonly #wentOn = new Set<FileWork>();
  #hasMoved = true;

  /** @param send false if it could not be passed on: it is tried again */
  constructor(all: () => readonly FileWork[], clock: Clock, send: (event: FilesEvent) => boolean) {
    this.#all = all;
    this.#send = send;
    this.#pace = new Pace(clock, () => this.#tell());
    this.#pace.atOnce();
  }

  changed(work: FileWork | undefined, change: Change): void {
    if (work !== undefined && change === 'went on') {
      this.#wentOn.add(work);
      this.#pace.nowAndThen();
    } else {
      this.#hasMoved = true;
      this.#pace.atOnce();
    }
  }

  close(): void {
    this.#pace.close();
  }

  #tell(): boolean {
    if (this.#hasMoved) {
      if (!this.#send({ type: 'files', files: this.#all().map(({ facts }) => facts) })) return false;
      this.#hasMoved = false;
      this.#wentOn.clear();
    }
    for (const work of this.#wentOn) {
      if (!this.#send({ type: 'file', file: work.facts })) return false;
      this.#wentOn.delete(work);
    }
    return true;
  }
}

/** The files for one who watches them: another state at once and all together, progress now and then and one by one. */
import type { Clock } from '../../clock.js';
import type { FilesEvent } from '../../protocol/files.js';
import type { Change, FileWork } from './file-work.js';

const EVERY_MS = 100;

export class FileFeed {
  readonly #all: () => readonly FileWork[];
  readonly #clock: Clock;
  readonly #send: (event: FilesEvent) => boolean;
  readonly #wentOn = new Set<FileWork>();
  #hasMoved = true;
  #soon = false;
  #calm: (() => void) | undefined;
  #closed = false;

  /** @param send false if it could not be passed on: it is tried again */
  constructor(all: () => readonly FileWork[], clock: Clock, send: (event: FilesEvent) => boolean) {
    this.#all = all;
    this.#clock = clock;
    this.#send = send;
    this.#flushSoon();
  }

  changed(work: FileWork | undefined, change: Change): void {
    if (work !== undefined && change === 'went on') {
      this.#wentOn.add(work);
      this.#flushLater();
    } else {
      this.#hasMoved = true;
      this.#flushSoon();
    }
  }

  close(): void {
    this.#closed = true;
    this.#calm?.();
  }

  /** All that changes now is told at once. */
  #flushSoon(): void {
    if (this.#soon) return;
    this.#soon = true;
    queueMicrotask(() => {
      this.#soon = false;
      this.#flush();
    });
  }

  #flushLater(): void {
    this.#calm ??= this.#clock.after(EVERY_MS, () => {
      this.#calm = undefined;
      this.#flush();
    });
  }

  #flush(): void {
    if (this.#closed) return;
    this.#calm?.();
    this.#calm = undefined;
    if (!this.#sendAll()) this.#flushLater();
  }

  #sendAll(): boolean {
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

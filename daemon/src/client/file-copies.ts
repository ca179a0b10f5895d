/** Copies the files of a request that the daemon can't open, until the daemon no longer needs the copies. */
import type { SottoError } from '../protocol/errors.js';
import type { Copied, DaemonMessage } from '../protocol/messages.js';
import type { ClientChannel } from './client.js';
import { DaemonCopy } from './daemon-copy.js';

type Waiting = Extract<DaemonMessage, { type: 'waiting' }>;

/** A file is being copied. */
export type FileWaiting = Omit<Waiting, 'id'> & { readonly copied: Copied };

interface FileCopiesOptions {
  readonly id: string;
  readonly channel: ClientChannel;
  /** Folder of the daemon for copies; undefined if it takes none. */
  readonly uploads: string | undefined;
  readonly events: { end(error: SottoError): void };
  readonly onCopied: (event: FileWaiting) => void;
  /** Absolute; of the file that `waiting` is about if it names none. */
  readonly path?: string;
}

export class FileCopies {
  readonly #options: FileCopiesOptions;
  /** By path. */
  readonly #copies = new Map<string, DaemonCopy>();

  constructor(options: FileCopiesOptions) {
    this.#options = options;
  }

  /** Any message but `waiting` for `file` means that all files could be opened. */
  receive(message: DaemonMessage): void {
    if (message.type !== 'waiting' || message.for !== 'file') {
      this.stop();
      return;
    }
    const path = message.path ?? this.#options.path;
    const { uploads } = this.#options;
    if (path === undefined || uploads === undefined || this.#copies.has(path)) return;
    this.#copies.set(path, this.#copy(path, uploads, message));
  }

  stop(): void {
    for (const copy of this.#copies.values()) copy.stop();
  }

  #copy(path: string, folder: string, { id, ...waiting }: Waiting): DaemonCopy {
    const { channel, events, onCopied } = this.#options;
    const named = waiting.path === undefined ? {} : { path };
    return new DaemonCopy({
      ...{ path, folder },
      onCopied: (upload) => channel.send({ type: 'supply', id, upload, ...named }),
      onFailed: (error) => {
        channel.send({ type: 'cancel', id });
        events.end(error);
      },
      onBytes: (bytes) => onCopied({ ...waiting, copied: { bytes } }),
    });
  }
}

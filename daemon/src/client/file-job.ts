/** A job about one file at the daemon, whatever its task: copies the file if the daemon can't open it, and cancels. */
import { throwIfCancelled } from '../async.js';
import type { EventQueue } from '../event-queue.js';
import { SottoError } from '../protocol/errors.js';
import type { ClientMessage, Copied, DaemonMessage } from '../protocol/messages.js';
import { DaemonCopy } from './daemon-copy.js';
import type { OpenChannel } from './models.js';

/** Time for the daemon to answer a cancel. */
const CANCEL_TIMEOUT_MS = 2_000;

type Waiting = Omit<Extract<DaemonMessage, { type: 'waiting' }>, 'id'>;

interface FileJobRequest<Event> {
  /** Absolute. */
  readonly path: string;
  /** Folder of the daemon for copies; undefined if it takes none. */
  readonly uploads: string | undefined;
  readonly signal: AbortSignal | undefined;
  readonly message: (id: string, supplies: true | undefined) => ClientMessage;
  readonly events: Pick<EventQueue<Event>, 'over' | 'end' | 'read'>;
  readonly deliver: (message: DaemonMessage) => void;
  readonly onCopied: (event: Waiting & { copied: Copied }) => void;
}

/** @throws SottoError the error of the job; CANCELLED after an abort; DAEMON_LOST */
export async function* fileJob<Event>(
  openChannel: OpenChannel,
  { path, uploads, signal, message, events, deliver, onCopied }: FileJobRequest<Event>,
): AsyncGenerator<Event, void> {
  throwIfCancelled(signal, 'cancelled before it started');
  let copy: DaemonCopy | undefined;
  const copyFile = ({ id, ...waiting }: Extract<DaemonMessage, { type: 'waiting' }>, folder: string) =>
    new DaemonCopy({
      ...{ path, folder },
      onCopied: (upload) => channel.send({ type: 'supply', id, upload }),
      onFailed: (error) => {
        channel.send({ type: 'cancel', id });
        events.end(error);
      },
      onBytes: (bytes) => onCopied({ ...waiting, copied: { bytes } }),
    });
  const { id, channel } = openChannel({
    receive: (received) => {
      const isForFile = received.type === 'waiting' && received.for === 'file';
      if (!isForFile) copy?.stop();
      deliver(received);
      if (isForFile && uploads !== undefined) copy ??= copyFile(received, uploads);
    },
    lost: (error) => events.end(error),
  });
  let timer: NodeJS.Timeout | undefined;
  const cancel = (): void => {
    channel.send({ type: 'cancel', id });
    timer = setTimeout(() => events.end(new SottoError('CANCELLED', 'cancelled')), CANCEL_TIMEOUT_MS);
  };
  signal?.addEventListener('abort', cancel, { once: true });
  try {
    channel.send(message(id, uploads === undefined ? undefined : true));
    yield* events.read();
  } finally {
    clearTimeout(timer);
    copy?.stop();
    signal?.removeEventListener('abort', cancel);
    if (!events.over) channel.send({ type: 'cancel', id });
    channel.close();
  }
}

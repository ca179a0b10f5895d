/** A job about one file at the daemon, whatever its task: copies the file if the daemon can't open it, and cancels. */
import { throwIfCancelled } from '../async.js';
import type { EventQueue } from '../event-queue.js';
import type { ClientMessage, Copied, DaemonMessage } from '../protocol/messages.js';
import { cancelOnAbort } from './answers.js';
import { DaemonCopy } from './daemon-copy.js';
import type { OpenChannel } from './models.js';

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
  const end = cancelOnAbort({ id, channel, events, signal });
  try {
    channel.send(message(id, uploads === undefined ? undefined : true));
    yield* events.read();
  } finally {
    copy?.stop();
    end();
  }
}

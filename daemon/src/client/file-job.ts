/** A job about one file at the daemon, whatever its task: copies the file if the daemon can't open it, and cancels. */
import { throwIfCancelled } from '../async.js';
import type { EventQueue } from '../event-queue.js';
import type { ClientMessage, DaemonMessage } from '../protocol/messages.js';
import { cancelOnAbort } from './answers.js';
import { FileCopies, type FileWaiting } from './file-copies.js';
import type { OpenChannel } from './models.js';

interface FileJobRequest<Event> {
  /** Absolute. */
  readonly path: string;
  /** Folder of the daemon for copies; undefined if it takes none. */
  readonly uploads: string | undefined;
  readonly signal: AbortSignal | undefined;
  readonly message: (id: string, supplies: true | undefined) => ClientMessage;
  readonly events: Pick<EventQueue<Event>, 'over' | 'end' | 'read'>;
  readonly deliver: (message: DaemonMessage) => void;
  readonly onCopied: (event: FileWaiting) => void;
}

/** @throws SottoError the error of the job; CANCELLED after an abort; DAEMON_LOST */
export async function* fileJob<Event>(
  openChannel: OpenChannel,
  { path, uploads, signal, message, events, deliver, onCopied }: FileJobRequest<Event>,
): AsyncGenerator<Event, void> {
  throwIfCancelled(signal, 'cancelled before it started');
  const { id, channel } = openChannel({
    receive: (received) => {
      deliver(received);
      copies.receive(received);
    },
    lost: (error) => events.end(error),
  });
  const copies = new FileCopies({ id, channel, uploads, events, onCopied, path });
  const end = cancelOnAbort({ id, channel, events, signal });
  try {
    channel.send(message(id, uploads === undefined ? undefined : true));
    yield* events.read();
  } finally {
    copies.stop();
    end();
  }
}

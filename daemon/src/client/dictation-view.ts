/**
 * A dictation as a view shows it: its recording from the capture process, its text from the session at the daemon.
 *
 * @example
 * for await (const { committed, tentative } of followDictation(capture, connect)) show(committed, tentative);
 */
import { EventQueue } from '../event-queue.js';
import type { Capture } from '../protocol/capture.js';
import { SottoError } from '../protocol/errors.js';
import type { CaptureClient } from './capture-client.js';
import type { SottoClient } from './client.js';
import { NO_TEXT, SessionFollower, type SessionText } from './session-follower.js';

export type DictationView = Capture & SessionText;

/**
 * Yields each change; a slow reader gets only the newest state. The last one is that of the recording’s end.
 *
 * @param capture closed at the end
 * @param connect connects to the running daemon; while there is none, the text stays as it is
 * @param updates of `capture`, if they are being read already
 * @throws SottoError what the updates throw
 */
export async function* followDictation(
  capture: Pick<CaptureClient, 'close' | 'updates'>,
  connect: () => Promise<SottoClient>,
  updates: AsyncIterable<Capture> = capture.updates(),
): AsyncGenerator<DictationView, void> {
  const queue = new EventQueue<DictationView>();
  let recording: Capture | undefined;
  let text = NO_TEXT;
  const show = (): void => {
    // A text that comes after the last state must not replace it.
    if (recording === undefined || queue.over) return;
    queue.drop(() => true);
    queue.push(viewOf(recording, text));
  };
  const follower = new SessionFollower({
    connect,
    onText: (now) => {
      text = now;
      show();
    },
  });
  const follow = async (): Promise<void> => {
    for await (const now of updates) {
      // After a switch another session transcribes all of it again.
      if (recording !== undefined && recording.id !== now.id) text = NO_TEXT;
      recording = now;
      follower.follow(now.id);
      show();
    }
  };
  follow().then(
    () => queue.end(),
    (error: unknown) => queue.end(SottoError.from(error)),
  );
  try {
    yield* queue.read();
  } finally {
    follower.close();
    // Ends the updates, which may be waiting for the next one.
    capture.close();
  }
}

export function viewOf(capture: Capture, text: SessionText = NO_TEXT): DictationView {
  const isAudible = capture.phase === 'listening' || capture.phase === 'finishing';
  return { ...capture, ...text, speaking: text.speaking && isAudible };
}

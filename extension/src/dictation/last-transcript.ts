import { CaptureClient, SottoError } from 'sotto/client';
import type { PastDictation } from 'sotto/protocol';
import { findDictation, isActive } from './start-dictation';
import { withDaemon, type DaemonSettings } from '../lib/connect-daemon';
import { isUnread } from '../history/history-text';

/** The most recent ones may have failed and have no text. */
const MAX_RECENT_DICTATIONS = 10;

/**
 * The text of the dictation that is finishing, or else the most recent one in the history.
 * @param socket path of the capture socket
 * @returns undefined if there are no dictations
 * @throws SottoError BUSY while a dictation is active; the error of one that has just ended without a text; if the daemon
 * is unavailable
 */
export async function lastTranscript(socket: string, settings: DaemonSettings): Promise<string | undefined> {
  const now = await currentText(socket);
  if (now !== undefined) return now;
  const undelivered = await undeliveredText(socket);
  return withDaemon(settings, async (client) => {
    const newest = newestOf((await client.history({ do: 'list', limit: MAX_RECENT_DICTATIONS })).dictations);
    if (undelivered !== undefined && undelivered.startedMs > (newest?.startedMs ?? 0))
      return undelivered.text;
    // `get` marks it as read.
    if (newest !== undefined && isUnread(newest)) await client.history({ do: 'get', id: newest.id });
    return newest?.text.trim();
  });
}

/** The text of a dictation that is finishing or has just ended: the history has only older ones. */
async function currentText(socket: string): Promise<string | undefined> {
  const dictation = await findDictation(socket);
  if (dictation === undefined) return undefined;
  try {
    let last = dictation.first;
    if (isActive(last) && last.phase !== 'finishing') {
      throw new SottoError('BUSY', 'a dictation is in progress', {
        hint: 'finish it first',
      });
    }
    if (last.phase === 'finishing') for await (last of dictation.changes);
    const hasEnded = last.phase === 'failed' || last.phase === 'final';
    if (hasEnded && !hasText(last.text) && last.error !== undefined) throw SottoError.fromWire(last.error);
    return hasText(last.text) ? last.text : undefined;
  } finally {
    dictation.capture.close();
  }
}

/** A text that no command received. If the user keeps no history, it is nowhere else. */
async function undeliveredText(socket: string) {
  const capture = await CaptureClient.connect(socket);
  try {
    return await capture?.last();
  } finally {
    capture?.close();
  }
}

/** @param dictations the most recent first */
function newestOf(dictations: readonly PastDictation[]): PastDictation | undefined {
  return dictations.find(({ text }) => hasText(text));
}

function hasText(text: string | undefined): text is string {
  return text !== undefined && text.trim() !== '';
}

/** The text of the last dictation: of the one that is being finished now, or the newest of the history. */
import { CaptureClient, SottoError } from 'sotto/client';
import type { PastDictation } from 'sotto/protocol';
import { findDictation, isActive } from './start-dictation';
import { withDaemon, type DaemonSettings } from '../lib/daemon';
import { isUnread } from '../history/history-text';

/** The newest may have failed, and have no text. */
const MAX_RECENT_DICTATIONS = 10;

/**
 * @param socket path of the socket at which a dictation is found that goes on
 * @returns undefined where there is none
 * @throws SottoError BUSY while a dictation goes on; why there is no text of one that was finished just now; if the daemon
 * can't be had
 */
export async function lastTranscript(socket: string, settings: DaemonSettings): Promise<string | undefined> {
  const now = await currentText(socket);
  if (now !== undefined) return now;
  const undelivered = await undeliveredText(socket);
  return withDaemon(settings, async (client) => {
    const newest = newestOf((await client.history({ do: 'list', limit: MAX_RECENT_DICTATIONS })).dictations);
    if (undelivered !== undefined && undelivered.startedMs > (newest?.startedMs ?? 0))
      return undelivered.text;
    // Whoever is given its text has read it.
    if (newest !== undefined && isUnread(newest)) await client.history({ do: 'get', id: newest.id });
    return newest?.text.trim();
  });
}

/** Of the dictation that is being finished or has just ended: an older text would be the wrong one. */
async function currentText(socket: string): Promise<string | undefined> {
  const dictation = await findDictation(socket);
  if (dictation === undefined) return undefined;
  try {
    let last = dictation.first;
    if (isActive(last) && last.phase !== 'finishing') {
      throw new SottoError('BUSY', 'a dictation goes on', {
        hint: 'finish it first: its text is the last one then',
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

/** What nobody was given: of those who keep no history it is nowhere else. */
async function undeliveredText(socket: string) {
  const capture = await CaptureClient.connect(socket);
  try {
    return await capture?.last();
  } finally {
    capture?.close();
  }
}

/** The first one with a text, of those that have the newest first. */
function newestOf(dictations: readonly PastDictation[]): PastDictation | undefined {
  return dictations.find(({ text }) => hasText(text));
}

function hasText(text: string | undefined): text is string {
  return text !== undefined && text.trim() !== '';
}

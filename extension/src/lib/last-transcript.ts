/** The text of the last dictation: of the one that is being finished now, or the newest of the history. */
import type { PastDictation } from 'sotto/protocol';
import { findTake } from './begin-take';
import { withDaemon, type DaemonSettings } from './daemon';

/** The newest may have failed, and have no text. */
const LOOKED_AT = 10;

/**
 * @param socket path of the socket at which a dictation is found that goes on
 * @returns undefined where there is none
 * @throws SottoError if the daemon can't be had
 */
export async function lastTranscript(socket: string, settings: DaemonSettings): Promise<string | undefined> {
  const take = await findTake(socket);
  try {
    if (take?.first.phase === 'final' && hasText(take.first.text)) return take.first.text;
    if (take?.first.phase === 'finishing') {
      for await (const { phase, text } of take.changes) if (phase === 'final' && hasText(text)) return text;
    }
  } finally {
    take?.capture.close();
  }
  return withDaemon(settings, async (client) => {
    const newest = newestOf((await client.history({ do: 'list', limit: LOOKED_AT })).dictations);
    // Whoever is given its text has read it.
    if (newest?.state === 'recovered') await client.history({ do: 'get', id: newest.id });
    return newest?.text.trim();
  });
}

/** The first one with a text, of those that have the newest first. */
export function newestOf(dictations: readonly PastDictation[]): PastDictation | undefined {
  return dictations.find(({ text }) => hasText(text));
}

function hasText(text: string | undefined): text is string {
  return text !== undefined && text.trim() !== '';
}

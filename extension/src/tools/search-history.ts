import { requestHistory, pageRequest } from '../history/history-requests';
import { readSettings } from '../lib/preferences';
import { defined } from 'sotto/protocol';

type Input = {
  /**
   * Words that the dictation holds, all of them; case and accents do not count, and the last word may be cut short.
   * Leave it empty for the newest dictations.
   */
  query: string;
  /** How many dictations to give at most, from 1 to 50; 10 when left out. */
  limit?: number;
};

const DEFAULT_LIMIT = 10;
const MAX_LIMIT = 50;
/** An hour of speech is more than anybody wants to have read for an answer. */
const MAX_TEXT_CHARACTERS = 4_000;

/** What the user has dictated before, the newest first. */
export default async function searchHistory({ query, limit = DEFAULT_LIMIT }: Input) {
  const count = Math.min(MAX_LIMIT, Math.max(1, Math.round(limit)));
  const { dictations, hasMore } = await requestHistory(
    readSettings(),
    pageRequest({ query, stateFilter: 'all' }, count),
  );
  return {
    dictations: dictations.map(({ startedMs, durationSeconds, text, language, state }) => ({
      spokenAt: new Date(startedMs).toISOString(),
      seconds: Math.round(durationSeconds),
      text: text.length > MAX_TEXT_CHARACTERS ? `${text.slice(0, MAX_TEXT_CHARACTERS)}…` : text,
      ...defined({ language }),
      ...(state !== 'final' && { state }),
    })),
    hasMore: hasMore,
  };
}

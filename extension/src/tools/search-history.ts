import { requestHistory, pageRequest } from '../history/history-requests';
import { readSettings } from '../lib/preferences';
import { defined } from 'sotto/protocol';

type Input = {
  /**
   * Words that the dictation must contain, all of them. Ignores case and accents; the last word can be a prefix.
   * Leave it empty for the most recent dictations.
   */
  query: string;
  /** Maximum number of dictations, from 1 to 50; 10 if omitted. */
  limit?: number;
};

const DEFAULT_LIMIT = 10;
const MAX_LIMIT = 50;
/** An hour of speech is more than an answer needs. */
const MAX_TEXT_CHARACTERS = 4_000;

/** Searches the user's past dictations, the most recent first. */
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

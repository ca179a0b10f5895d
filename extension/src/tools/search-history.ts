import { requestHistory, pageOf } from '../lib/history-ask';
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

const USUAL = 10;
const MOST = 50;
/** An hour of speech is more than anybody wants to have read for an answer. */
const MOST_CHARACTERS = 4_000;

/** What the user has dictated before, the newest first. */
export default async function searchHistory({ query, limit = USUAL }: Input) {
  const most = Math.min(MOST, Math.max(1, Math.round(limit)));
  const { dictations, more } = await requestHistory(readSettings(), pageOf({ query, shown: 'all' }, most));
  return {
    dictations: dictations.map(({ startedMs, durationSeconds, text, language, state }) => ({
      spokenAt: new Date(startedMs).toISOString(),
      seconds: Math.round(durationSeconds),
      text: text.length > MOST_CHARACTERS ? `${text.slice(0, MOST_CHARACTERS)}…` : text,
      ...defined({ language }),
      ...(state !== 'final' && { state }),
    })),
    thereAreMore: more,
  };
}

/** Opens the history for the commands of `sotto history`. */
import { join } from 'node:path';
import type { Paths } from '../../paths.js';
import type { SottoError } from '../../protocol/errors.js';
import { readSettings, type Retention } from '../../settings.js';
import { applyRetention, History, type StoredDictation } from '../../store/history/index.js';
import { errorLine } from '../transcribe/transcribe-view.js';
import { defined } from '../../protocol/defined.js';

/** Opens the history and deletes dictations past their retention first. @throws SottoError */
export async function withHistory<T>(
  paths: Paths,
  work: (history: History, retention: Retention) => T | Promise<T>,
): Promise<T> {
  const { history: retention } = readSettings(paths.settings);
  const history = openHistory(paths);
  try {
    await applyRetention(history, paths.recordings, retention, Date.now());
    return await work(history, retention);
  } finally {
    history.close();
  }
}

export function openHistory(paths: Paths): History {
  return History.open(paths.history, {
    onWarning: (warning: SottoError) => void process.stderr.write(`${errorLine(warning)}\n`),
  });
}

/** Finds a dictation by the start of its id, and prints why if there is none. */
export function findByIdPrefix(history: History, start: string): StoredDictation | undefined {
  const found = history.get(start);
  if (found !== undefined) return found;
  const ids = history.idsStartingWith(start, 4);
  const several = ids.length > 3 ? `${ids.slice(0, 3).join(', ')}, …` : ids.join(', ');
  process.stderr.write(
    ids.length === 0
      ? `sotto: no dictation id starts with ${JSON.stringify(start)} — \`sotto history list\` shows them\n`
      : `sotto: several dictation ids start with ${start} — type more of the id: ${several}\n`,
  );
  return undefined;
}

/** JSON of a dictation, with ISO time and the path of its audio. */
export function jsonOf<T extends StoredDictation>(dictation: T, paths: Paths): string {
  const { id, startedMs, audio, ...rest } = dictation;
  return JSON.stringify({
    id,
    started: new Date(startedMs).toISOString(),
    startedMs,
    ...rest,
    ...defined({ audio: audio === undefined ? undefined : join(paths.recordings, audio) }),
  });
}

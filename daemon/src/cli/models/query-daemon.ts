/** What a running daemon says of models, for commands that work without one as well. */
import type { SottoClient } from '../../client/index.js';
import type { Paths } from '../../paths.js';
import { SottoError } from '../../protocol/errors.js';
import type { ModelStatus } from '../../protocol/status.js';
import { findDaemon } from '../daemon/start-daemon.js';

/** A daemon of another version, or one that knows nothing of models. */
const UNSUPPORTED_CODES = new Set(['VERSION_MISMATCH', 'PROTOCOL']);

/** It is only for display. */
const REPLY_TIMEOUT_MS = 2_000;

/**
 * Asks the daemon that runs. Undefined where none runs; `old` where it is of another version and can't say.
 * @throws SottoError what `ask` throws
 */
export async function queryDaemon<T>(
  paths: Paths,
  query: (client: SottoClient) => Promise<T>,
): Promise<{ readonly answer: T } | 'old' | undefined> {
  let client: SottoClient | undefined;
  try {
    client = await findDaemon(paths);
    return client === undefined ? undefined : { answer: await query(client) };
  } catch (error) {
    if (error instanceof SottoError && UNSUPPORTED_CODES.has(error.code)) return 'old';
    throw error;
  } finally {
    client?.close();
  }
}

/** Where the models stand that a running daemon has in memory or is at, by name. */
export async function statesInDaemon(paths: Paths): Promise<ReadonlyMap<string, ModelStatus>> {
  const reply = await queryDaemon(paths, async ({ models }) => {
    const signal = AbortSignal.timeout(REPLY_TIMEOUT_MS);
    for await (const states of models.watch({ signal })) return states;
    return [];
  }).catch(() => undefined);
  const states = reply === undefined || reply === 'old' ? [] : reply.answer;
  return new Map(
    states.flatMap((status) => (status.name === undefined ? [] : [[status.name, status] as const])),
  );
}

/** `ready`, `loading 42%`; nothing for one that only lies there. */
export function describeState(status: ModelStatus | undefined): string {
  if (status === undefined || status.state === 'installed' || status.state === 'absent') return '';
  const { state, fraction } = status;
  return fraction === undefined || state === 'ready' ? state : `${state} ${Math.floor(fraction * 100)}%`;
}

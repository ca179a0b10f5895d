/** Queries a running daemon about models. */
import type { SottoClient } from '../../client/index.js';
import type { Paths } from '../../paths.js';
import { SottoError } from '../../protocol/errors.js';
import type { ModelStatus } from '../../protocol/status.js';
import { findDaemon } from '../daemon/start-daemon.js';

/** Errors of daemons that don't support the request. */
const UNSUPPORTED_CODES = new Set(['VERSION_MISMATCH', 'PROTOCOL']);

/** Short, because the reply is only displayed. */
const REPLY_TIMEOUT_MS = 2_000;

/**
 * Undefined if no daemon runs; `old` if it doesn't support the request.
 * @throws SottoError errors of `query`
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

/** States of the daemon's models, by name. */
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

/** `ready`, `loading 42%`; empty for a model that is only installed. */
export function describeState(status: ModelStatus | undefined): string {
  if (status === undefined || status.state === 'installed' || status.state === 'absent') return '';
  const { state, fraction } = status;
  return fraction === undefined || state === 'ready' ? state : `${state} ${Math.floor(fraction * 100)}%`;
}

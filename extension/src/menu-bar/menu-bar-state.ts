import { SottoError, type Capture, type SottoClient } from 'sotto/client';
import type { DaemonStatus } from 'sotto/protocol';
import { findDictation } from '../dictation/start-dictation';
import { findDaemon } from '../lib/connect-daemon';
import { sottoPaths } from '../lib/sotto-paths';

/** Raycast stops a menu bar command after a few seconds. */
const RESPONSE_TIMEOUT_MS = 3_000;
/** The most recent ones may have failed and have no text. */
const MAX_RECENT_DICTATIONS = 5;

export interface MenuBarState {
  readonly dictation: Capture | undefined;
  /** Undefined if no daemon is running. */
  readonly daemon: DaemonStatus | undefined;
  readonly lastText: string | undefined;
  /** Why the daemon could not be queried. */
  readonly error: SottoError | undefined;
}

/** Starts neither a dictation nor the daemon. */
export async function readMenuBarState(): Promise<MenuBarState> {
  const [dictation, daemonState] = await Promise.all([
    withTimeout(currentDictation()).catch(() => undefined),
    withTimeout(readDaemonState()).catch((thrown: unknown) => ({
      error: SottoError.from(thrown),
    })),
  ]);
  return {
    dictation,
    daemon: undefined,
    lastText: undefined,
    error: undefined,
    ...daemonState,
  };
}

async function currentDictation(): Promise<Capture | undefined> {
  const found = await findDictation(sottoPaths().capture);
  found?.capture.close();
  return found?.first;
}

async function readDaemonState(): Promise<Partial<MenuBarState>> {
  const client = await findDaemon();
  if (client === undefined) return {};
  try {
    const [daemon, lastText] = await Promise.all([client.status(), newestText(client)]);
    return { daemon, lastText };
  } finally {
    client.close();
  }
}

async function newestText(client: SottoClient): Promise<string | undefined> {
  const { dictations } = await client.history({ do: 'list', limit: MAX_RECENT_DICTATIONS });
  return dictations.map(({ text }) => text.trim()).find((text) => text !== '');
}

/** @throws SottoError TIMEOUT */
async function withTimeout<T>(response: Promise<T>): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const timedOut = new Promise<never>((_, reject) => {
    timer = setTimeout(
      () => reject(new SottoError('TIMEOUT', 'Sotto isn’t responding')),
      RESPONSE_TIMEOUT_MS,
    );
  });
  try {
    return await Promise.race([response, timedOut]);
  } finally {
    clearTimeout(timer);
  }
}

/** What the menu bar tells of: the dictation that goes on, the daemon, the last text. Starts nothing. */
import { SottoError, type Capture, type SottoClient } from 'sotto/client';
import type { DaemonStatus } from 'sotto/protocol';
import { findDictation } from '../dictation/start-dictation';
import { findDaemon } from '../lib/daemon';
import { sottoPaths } from '../lib/sotto-paths';

/** Raycast gives a command of the menu bar a few seconds. */
const RESPONSE_TIMEOUT_MS = 3_000;
/** The newest may have failed, and have no text. */
const MAX_RECENT_DICTATIONS = 5;

export interface MenuBarState {
  readonly dictation: Capture | undefined;
  /** Left out where none runs. */
  readonly daemon: DaemonStatus | undefined;
  readonly lastText: string | undefined;
  /** Why the daemon can't be asked. */
  readonly error: SottoError | undefined;
}

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
async function withTimeout<T>(answer: Promise<T>): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const timedOut = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new SottoError('TIMEOUT', 'Sotto does not answer')), RESPONSE_TIMEOUT_MS);
  });
  try {
    return await Promise.race([answer, timedOut]);
  } finally {
    clearTimeout(timer);
  }
}

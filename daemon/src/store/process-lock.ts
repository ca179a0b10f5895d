/**
 * One process at a thing: a model's download, a file that is changed, the microphone. The lock is the one that SQLite takes
 * on a file: the system lets go of it with the process, however that ends, so there is no dead holder to be told from a live
 * one. The file stays empty.
 */
import { DatabaseSync } from '@photostructure/sqlite';
import type { Clock } from '../clock.js';
import { messageOf } from '../protocol/errors.js';
import { pause, throwIfCancelled } from './download/retry.js';
import { diskError } from './download/trouble.js';

export interface ProcessLock {
  release(): void;
}

const LOOK_AGAIN_MS = 250;

/** Undefined if another process (or another holder in this one) has it. @throws SottoError */
export function tryLock(path: string): ProcessLock | undefined {
  let db: InstanceType<typeof DatabaseSync>;
  try {
    db = new DatabaseSync(path, { timeout: 0 });
  } catch (error) {
    throw diskError(error, path);
  }
  try {
    db.exec('BEGIN EXCLUSIVE');
    return { release: () => db.close() };
  } catch (error) {
    db.close();
    if (/locked|busy/i.test(messageOf(error))) return undefined;
    throw diskError(error, path);
  }
}

/** Waits for it. @throws SottoError CANCELLED */
export async function takeLock(
  path: string,
  { clock, signal, onWait }: { clock: Clock; signal: AbortSignal; onWait: () => void },
): Promise<ProcessLock> {
  for (let isFirst = true; ; isFirst = false) {
    throwIfCancelled(signal);
    const lock = tryLock(path);
    if (lock !== undefined) return lock;
    if (isFirst) onWait();
    await pause(LOOK_AGAIN_MS, clock, signal);
  }
}

/**
 * One daemon per user, however many start at once.
 *
 * A lock file that is removed and made again when its holder died has a hole: of two starters that both see
 * the dead one, the slower removes the lock of the faster. So locks are numbered and never taken over: whoever
 * finds `lock.7` dead makes `lock.8` (a hard link, which exactly one process can make), and only numbers below
 * one's own are ever deleted. Somebody slow who revives a deleted number finds a higher one beside it and
 * withdraws. The highest number stays on disk after its holder is gone.
 */
import {
  existsSync,
  linkSync,
  readdirSync,
  readFileSync,
  statSync,
  unlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { randomUUID } from 'node:crypto';
import { codeOf, SottoError } from '../protocol/errors.js';
import { answers } from './probe.js';
import { isRunning } from '../is-running.js';

/** From taking the lock to listening takes milliseconds; a holder that needs longer has lost it. */
export const STARTING_MS = 10_000;
const LOOK_AGAIN_MS = 50;

/** A process number that no process has. */
const NOBODY = 0x7fff_fff0;

export interface Lock {
  /** False once somebody else has taken over, or the time to start listening is up. */
  mayStart(): boolean;
}

interface Holder {
  readonly number: number;
  readonly pid: number;
  readonly ageMs: number;
}

/** @throws SottoError DAEMON_RUNNING */
export async function takeLock(folder: string, socket: string): Promise<Lock> {
  for (;;) {
    const holder = newestHolder(folder);
    if (holder !== undefined) {
      const state = await stateOf(holder, socket);
      if (state === 'alive') {
        throw new SottoError('DAEMON_RUNNING', `a daemon is running already (process ${holder.pid})`);
      }
      if (state === 'starting') {
        await new Promise((resolve) => setTimeout(resolve, LOOK_AGAIN_MS));
        continue;
      }
    }
    const number = (holder?.number ?? 0) + 1;
    if (!create(folder, number)) continue;
    if (newestNumber(folder) > number) {
      remove(folder, number);
      continue;
    }
    for (const older of numbers(folder)) if (older < number) remove(folder, older);
    const sinceMs = performance.now();
    return {
      mayStart: () => performance.now() - sinceMs < STARTING_MS && newestNumber(folder) === number,
    };
  }
}

/** The process that holds the lock or held it last. */
export function lockHolder(folder: string): { pid: number } | undefined {
  return newestHolder(folder);
}

/** The process of a daemon that answers, or is on the way to it. */
export async function activeHolder(folder: string, socket: string): Promise<{ pid: number } | undefined> {
  const holder = existsSync(folder) ? newestHolder(folder) : undefined;
  return holder === undefined || (await stateOf(holder, socket)) === 'dead' ? undefined : holder;
}

async function stateOf(holder: Holder, socket: string): Promise<'alive' | 'starting' | 'dead'> {
  if (!isRunning(holder.pid)) return 'dead';
  // A number may belong to another process by now, but only a daemon answers at the socket.
  if (await answers(socket)) return 'alive';
  return holder.ageMs < STARTING_MS ? 'starting' : 'dead';
}

function numbers(folder: string): number[] {
  return readdirSync(folder).flatMap((name) => {
    const match = /^lock\.(\d{1,9})$/.exec(name);
    return match === null ? [] : [Number(match[1])];
  });
}

function newestNumber(folder: string): number {
  return Math.max(0, ...numbers(folder));
}

function newestHolder(folder: string): Holder | undefined {
  const number = newestNumber(folder);
  if (number === 0) return undefined;
  const path = join(folder, `lock.${number}`);
  try {
    const pid = Number(readFileSync(path, 'utf8'));
    const ageMs = Math.abs(Date.now() - statSync(path).mtimeMs);
    // An empty file (the machine lost power): nobody holds it.
    return { number, pid: Number.isSafeInteger(pid) && pid > 0 ? pid : NOBODY, ageMs };
  } catch (error) {
    // Deleted under our eyes by somebody with a higher number: look again.
    if (codeOf(error) === 'ENOENT') return newestHolder(folder);
    return { number, pid: NOBODY, ageMs: Infinity };
  }
}

/** Makes the file with its content in one step; false if the number is taken. */
function create(folder: string, number: number): boolean {
  const draft = join(folder, `.lock-${randomUUID()}`);
  writeFileSync(draft, String(process.pid), { mode: 0o600, flag: 'wx' });
  try {
    linkSync(draft, join(folder, `lock.${number}`));
    return true;
  } catch (error) {
    if (codeOf(error) === 'EEXIST') return false;
    throw error;
  } finally {
    unlinkSync(draft);
  }
}

function remove(folder: string, number: number): void {
  try {
    unlinkSync(join(folder, `lock.${number}`));
  } catch {
    // Somebody with a higher number was quicker.
  }
}

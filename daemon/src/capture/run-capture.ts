/**
 * `sotto capture`: background dictation for launchers. The process is a direct child of the launcher, so that macOS
 * applies the launcher's microphone permission, and it outlives the command that started it.
 */
import { join } from 'node:path';
import { sleep } from '../async.js';
import { CaptureClient } from '../client/capture-client.js';
import type { SottoClient } from '../client/index.js';
import { systemClock } from '../clock.js';
import type { Paths } from '../paths.js';
import type { CaptureOptions } from '../protocol/capture.js';
import { SottoError } from '../protocol/errors.js';
import { securePrivateFolder } from '../socket-folder.js';
import { acquireLock } from '../store/process-lock.js';
import type { AudioSource } from './audio-source.js';
import { listMicrophones } from './microphone/microphone.js';
import { CaptureServer } from './capture-server.js';
import { watchParent } from './parent-watch.js';
import { CaptureHost } from './capture-host.js';
import { sweepLocalRecordings } from './sweep-local-recordings.js';
import { resumeInDaemon } from './resume-in-daemon.js';

/** How long an exiting process may hold the lock. */
const MAX_LEAVE_MS = 3_000;
const POLL_INTERVAL_MS = 50;

interface RunCaptureOptions {
  readonly paths: Paths;
  readonly options: CaptureOptions;
  /** Connects to the daemon, and starts it if it isn't running. */
  readonly connect: () => Promise<SottoClient>;
  /** Already being opened. */
  readonly source: AudioSource;
  /** A process to exit with, besides the parent. */
  readonly parent?: number;
}

/** Returns the exit code. @throws SottoError BUSY if a dictation is in progress */
export async function runCapture({
  paths,
  options,
  connect,
  source,
  parent,
}: RunCaptureOptions): Promise<number> {
  securePrivateFolder(paths.runtime);
  const lock = await acquireLockOrFindServer(paths);
  if (lock === undefined) {
    source.stop();
    return beginInOtherProcess(paths, options);
  }
  for (const id of sweepLocalRecordings(paths.spool)) void resumeInDaemon(id, paths);
  let server: CaptureServer | undefined;
  const host = new CaptureHost({
    paths,
    clock: systemClock,
    connect,
    onChange: (dictation) => server?.changed(dictation),
  });
  let parentWatch = (): void => undefined;
  try {
    host.begin(options, undefined, source);
    server = await CaptureServer.listen({
      path: paths.capture,
      clock: systemClock,
      dictation: () => host.dictation,
      begin: (wanted, protocol) => host.begin(wanted, protocol),
      finish: (client) => host.finish(client),
      last: () => host.last,
      devices: listMicrophones,
      leave: () => host.leave(),
      onWatchers: (count) => host.setWatchers(count),
      onDisconnected: (client) => host.onDisconnected(client),
    });
    const leave = (): void => host.leave();
    for (const name of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(name, leave);
    parentWatch = watchParent(systemClock, leave, parent);
    await host.ended;
    return 0;
  } finally {
    parentWatch();
    await server?.close();
    source.stop();
    lock.release();
  }
}

/**
 * Returns the lock, or undefined if another process has it and serves. This decides between two processes that
 * start at the same instant, as when a hotkey bounces: the one with the lock records; the other closes its
 * microphone, before a sample was read, exits with BUSY, and its command watches the first one's dictation. Nothing
 * is lost, and there is one dictation. A lock before the start would only add a zombie if the command has exited,
 * too.
 */
async function acquireLockOrFindServer(paths: Paths) {
  const waited = new AbortController();
  const timer = setTimeout(() => waited.abort(), MAX_LEAVE_MS);
  try {
    return await acquireLock(join(paths.runtime, 'capture.lock'), {
      clock: systemClock,
      signal: waited.signal,
      // A process that is exiting doesn't serve; one that serves isn't worth waiting for.
      onWait: () => void untilServed(paths.capture, waited.signal).then(() => waited.abort()),
    });
  } catch {
    return undefined;
  } finally {
    clearTimeout(timer);
    waited.abort();
  }
}

/**
 * Polls until a process serves: the one with the lock may be about to. A single check could come too late, when
 * that dictation is over, and would start an unwanted second one.
 */
async function untilServed(path: string, signal: AbortSignal): Promise<void> {
  while (!signal.aborted) {
    // The caller gets the error of an unusable socket when it connects.
    const other = await CaptureClient.connect(path).catch(() => undefined);
    other?.close();
    if (other !== undefined) return;
    await sleep(POLL_INTERVAL_MS);
  }
}

/** Starts the dictation in the process that is already running. @throws SottoError BUSY */
async function beginInOtherProcess(paths: Paths, options: CaptureOptions): Promise<number> {
  const capture = await CaptureClient.connect(paths.capture);
  try {
    if ((await capture?.begin(options))?.isNew === true) return 0;
  } finally {
    capture?.close();
  }
  throw new SottoError('BUSY', 'a dictation is in progress', { hint: 'finish it first' });
}

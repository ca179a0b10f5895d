/**
 * `sotto capture`: dictations in the background, as launchers begin them. The process is a direct child of whoever wants it,
 * so that macOS charges the microphone to that; it goes on when the command that began it is gone.
 */
import { join } from 'node:path';
import { sleep } from '../../async.js';
import { CaptureClient } from '../../client/capture-client.js';
import { systemClock } from '../../clock.js';
import type { Paths } from '../../paths.js';
import type { CaptureOptions } from '../../protocol/capture.js';
import { SottoError } from '../../protocol/errors.js';
import { securePrivateFolder } from '../../server/socket.js';
import { acquireLock } from '../../store/process-lock.js';
import type { AudioSource } from '../dictate/audio-source.js';
import { listMicrophones } from '../microphone/microphone.js';
import { CaptureServer } from './capture-server.js';
import { watchParent } from './parent-watch.js';
import { CaptureHost } from './capture-host.js';
import { sweepLocalRecordings } from './sweep-local-recordings.js';
import { resumeInDaemon } from './resume-in-daemon.js';

/** How long one that is leaving may take to be gone. */
const MAX_LEAVE_MS = 3_000;
const POLL_INTERVAL_MS = 50;

interface RunCaptureOptions {
  readonly paths: Paths;
  readonly options: CaptureOptions;
  /** Being opened already. */
  readonly source: AudioSource;
  /** Id of the process that it is not to outlive, beside the one that started it. */
  readonly parent?: number;
}

/** The exit code. @throws SottoError BUSY where a take goes on already */
export async function runCapture({ paths, options, source, parent }: RunCaptureOptions): Promise<number> {
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
 * The lock; undefined where another process has it, and serves. This decides between two that were started in the same
 * instant, as a hotkey that bounces does: the one that gets the lock hears and writes down; the other closes its microphone,
 * of which nobody has heard a sample, leaves with BUSY, and its command looks at the take of the first. Nothing is lost, and
 * there is one take. A lock before the start would gain nothing but the zombie that it leaves if its command has gone, too.
 */
async function acquireLockOrFindServer(paths: Paths) {
  const waited = new AbortController();
  const timer = setTimeout(() => waited.abort(), MAX_LEAVE_MS);
  try {
    return await acquireLock(join(paths.runtime, 'capture.lock'), {
      clock: systemClock,
      signal: waited.signal,
      // One that is leaving serves nobody; another one need not be waited for.
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
 * Looks until somebody serves: whoever has the lock may be about to. To look only once would be to ask late, when that take
 * may be over, and to begin another one that nobody wants.
 */
async function untilServed(path: string, signal: AbortSignal): Promise<void> {
  while (!signal.aborted) {
    // A socket that can't be used is told to whoever asks there.
    const other = await CaptureClient.connect(path).catch(() => undefined);
    other?.close();
    if (other !== undefined) return;
    await sleep(POLL_INTERVAL_MS);
  }
}

/** Somebody else's process waits already: the take is its. @throws SottoError BUSY */
async function beginInOtherProcess(paths: Paths, options: CaptureOptions): Promise<number> {
  const capture = await CaptureClient.connect(paths.capture);
  try {
    if ((await capture?.begin(options))?.isNew === true) return 0;
  } finally {
    capture?.close();
  }
  throw new SottoError('BUSY', 'a dictation is in progress', { hint: 'finish it first' });
}

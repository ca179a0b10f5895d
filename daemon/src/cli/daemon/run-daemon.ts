/** `sotto daemon run`: the daemon in this process. */
import { makeFolder } from '../../make-folder.js';
import { systemClock, type Timer } from '../../clock.js';
import { openLog } from '../../log.js';
import { modelDirs, type Paths } from '../../paths.js';
import type { Logger } from '../../logger.js';
import { messageOf, type SottoError } from '../../protocol/errors.js';
import type { DaemonStatus } from '../../protocol/status.js';
import { SOTTO_VERSION } from '../../protocol/version.js';
import { FileQueue } from '../../sessions/files/file-queue.js';
import { HistoryService } from '../../sessions/history/history-service.js';
import { LiveSessions } from '../../sessions/live/live-sessions.js';
import { ModelService } from '../../sessions/models/model-service.js';
import { VocabularyService } from '../../sessions/vocabulary/vocabulary-service.js';
import { createApi } from '../../server/api.js';
import { ApiPort } from '../../server/http/port.js';
import { sweepInputs, sweepUploads } from '../../upload.js';
import { SottoServer } from '../../server/server.js';
import { readSettings } from '../../settings.js';
import { sweepLocks } from '../../store/process-lock.js';
import { choosePort } from '../../store/write-settings.js';
import { SpeechService } from '../../sessions/speech/speech-service.js';
import { trace } from '../../trace.js';
import { HistoryRecorder } from '../history-recorder.js';
import { createDaemonCore } from './daemon-core.js';
import { defined } from '../../protocol/defined.js';

/** How long the current job may continue after a stop request. */
const DRAIN_MS = 5_000;
/** Old dictations are deleted a while after the start, then at this interval. */
const FIRST_CLEANUP_MS = 60_000;
const CLEANUP_INTERVAL_MS = 6 * 3600 * 1000;
/** Locks of batch runs; killed commands leave theirs behind. */
const BATCH_LOCK = /^batch-[0-9a-f]+\.lock$/;

interface DaemonOptions {
  readonly paths: Paths;
  readonly model?: string;
  /** Exit after this many seconds without work. */
  readonly idleExitSeconds?: number;
  /** Report invalid settings and use defaults. */
  readonly tolerant?: boolean;
}

export interface RunningDaemon {
  /** Resolves when the daemon has stopped. */
  readonly ended: Promise<void>;
  /** Stops it; a second call kills it. */
  stop(why: string): void;
}

/** @throws SottoError DAEMON_RUNNING, UNAUTHORIZED, INVALID_ARGUMENT */
export async function runDaemon({
  paths,
  model,
  idleExitSeconds,
  tolerant = false,
}: DaemonOptions): Promise<RunningDaemon> {
  // Every file of this process is private.
  process.umask(0o077);
  const log = openLog(paths.log);
  const startedMs = systemClock.nowMs();
  let stopping = false;
  let idleTimer: Timer | undefined;
  let cleanupTimer: Timer | undefined;
  let resolveEnded: () => void = () => undefined;
  const ended = new Promise<void>((resolve) => (resolveEnded = resolve));

  makePrivateDir(paths.spool, log);
  makePrivateDir(paths.uploads, log);
  const recorder = new HistoryRecorder(paths, log);
  const core = createDaemonCore({
    paths,
    log,
    warm: true,
    tolerant,
    onIdleChange: () => watchIdle(),
    ...defined({ model }),
  });
  const { sessions, supervisor } = core;
  const live = new LiveSessions({
    engine: supervisor,
    clock: systemClock,
    log,
    folder: paths.spool,
    resolveModel: core.resolveLiveModel,
    modelAccess: core.modelAccess,
    keep: (outcome) => recorder.keep(outcome),
    vocabulary: core.vocabulary.inUse,
    fallbackFor: () => supervisor.fallbackFor,
    onIdleChange: () => watchIdle(),
  });
  const models = new ModelService({
    engine: supervisor,
    modelDirs: modelDirs(paths),
    settings: paths.settings,
    machineSpeed: paths.machine,
    clock: systemClock,
    log,
    onIdleChange: () => watchIdle(),
  });

  const files = new FileQueue({ sessions, clock: systemClock, onIdleChange: () => watchIdle() });

  const watchIdle = (): void => {
    idleTimer?.cancel();
    idleTimer = undefined;
    const isWorking =
      !sessions.isIdle || !live.isIdle || !models.isIdle || !files.isIdle || api.admission.active > 0;
    // Clients of the API port expect the daemon to stay.
    const idle = !isWorking && !port.isOpen;
    if (idle && idleExitSeconds !== undefined && !stopping) {
      idleTimer = systemClock.after(idleExitSeconds * 1000, () => stop('idle'));
    }
  };

  const tidyAfter = (ms: number): void => {
    cleanupTimer = systemClock.after(ms, () => {
      recorder
        .tidy()
        .catch((error: unknown) => log.warn({ message: messageOf(error) }, 'could not clean up the history'));
      tidyAfter(CLEANUP_INTERVAL_MS);
    });
  };

  const status = (): DaemonStatus => {
    const engine = supervisor.status();
    const http = port.status();
    const reason = degradedReason(engine, core.problem());
    const starting =
      engine.state !== 'ready' || engine.model.state === 'loading' || engine.model.state === 'warming';
    const busy = sessions.queueStatus().running > 0 || live.count > 0;
    return {
      pid: process.pid,
      version: SOTTO_VERSION,
      uptimeSeconds: (systemClock.nowMs() - startedMs) / 1000,
      state: stopping
        ? 'stopping'
        : reason !== undefined
          ? 'degraded'
          : starting
            ? 'starting'
            : busy
              ? 'busy'
              : 'ready',
      ...defined({ reason }),
      engine,
      queue: sessions.queueStatus(),
      dictations: live.transcribing,
      connections: server.connections,
      rssBytes: process.memoryUsage.rss(),
      socket: paths.socket,
      log: paths.log,
      ...defined({ http, idleExitSeconds }),
    };
  };

  const api = createApi({
    sessions,
    live,
    models,
    status,
    uploads: paths.uploads,
    clock: systemClock,
    log,
    onIdleChange: () => watchIdle(),
  });

  const port = new ApiPort({
    api,
    token: paths.token,
    discovery: paths.discovery,
    wanted: () => readSettings(paths.settings).http.port,
    want: (wanted) => choosePort(paths.settings, wanted),
    log,
    onChange: () => watchIdle(),
  });

  const end = async (): Promise<void> => {
    await Promise.all([sessions.stop(DRAIN_MS), live.stop(DRAIN_MS), models.stop()]);
    await supervisor.stop();
    await Promise.all([server.close(), port.close()]);
    await recorder.close();
    log.info('daemon stopped');
    resolveEnded();
  };

  const stop = (why: string): void => {
    if (stopping) {
      supervisor.kill();
      void Promise.all([server.close(), port.close()]).then(resolveEnded);
      return;
    }
    stopping = true;
    idleTimer?.cancel();
    cleanupTimer?.cancel();
    port.hide();
    log.info({ why }, 'daemon stopping');
    void end();
  };

  const server = await SottoServer.listen({
    socketPath: paths.socket,
    lockPath: paths.lock,
    onDisplaced: (why) => stop(why),
    sessions,
    live,
    models,
    files,
    speech: new SpeechService({ engine: supervisor, resolveModel: core.resolveModel, log }),
    history: new HistoryService({
      open: () => recorder.history(),
      recordings: paths.recordings,
      settings: paths.settings,
      tidy: () => recorder.tidy(),
    }),
    vocabulary: new VocabularyService(core.vocabulary.file),
    api,
    clock: systemClock,
    log,
    status,
    uploads: paths.uploads,
    shutdown: () => stop('stopped by a client'),
    port,
  });
  // This process holds the lock, so these files belong to a dead daemon.
  sweepUploads(paths.uploads);
  sweepInputs(paths.uploads);
  sweepLocks(paths.home, BATCH_LOCK);
  trace('daemon', 'listening');
  supervisor.start();
  log.info({ version: SOTTO_VERSION, node: process.version, model }, 'daemon ready');
  const problem = core.problem();
  if (problem !== undefined) log.error({ code: problem.code }, problem.message);
  watchIdle();
  void port.restore();
  tidyAfter(FIRST_CLEANUP_MS);
  void live.recover();
  return { ended, stop };
}

/** A daemon without these folders still serves; each dictation reports the problem. */
function makePrivateDir(folder: string, log: Logger): void {
  try {
    makeFolder(folder, 0o700);
  } catch (error) {
    log.error({ message: messageOf(error) }, 'could not create a private folder for audio');
  }
}

function degradedReason(engine: DaemonStatus['engine'], problem: SottoError | undefined): string | undefined {
  if (engine.state === 'degraded')
    return `the speech engine is down: ${engine.lastFailure ?? 'it failed too often'}`;
  const { fallbackFor, error: failed } = engine.model;
  const error = failed ?? fallbackFor?.error ?? problem?.toWire();
  return error === undefined ? undefined : `${error.message} — ${error.hint}`;
}

/** The daemon in this process: connects sockets, sessions, engine and store. */
import { makeFolder } from './make-folder.js';
import { systemClock, type Timer } from './clock.js';
import { openLog } from './log.js';
import { modelDirs, type Paths } from './paths.js';
import type { Logger } from './logger.js';
import { messageOf, type SottoError } from './protocol/errors.js';
import type { DaemonStatus } from './protocol/status.js';
import { SOTTO_VERSION } from './protocol/version.js';
import { FileQueue } from './sessions/files/file-queue.js';
import { HistoryService } from './sessions/history/history-service.js';
import { LiveSessions } from './sessions/live/live-sessions.js';
import { ModelService } from './sessions/models/model-service.js';
import { VocabularyService } from './sessions/vocabulary/vocabulary-service.js';
import { createApi, type Api } from './server/api.js';
import { ApiPort } from './server/http/port.js';
import { sweepInputs, sweepUploads } from './upload.js';
import { SottoServer } from './server/server.js';
import { readSettings } from './settings.js';
import { sweepLocks } from './store/process-lock.js';
import { ModelDescriptions } from './store/model-descriptions.js';
import { choosePort } from './store/write-settings.js';
import { SpeechService } from './sessions/speech/speech-service.js';
import { describeModels } from './supervisor/model-tool-process.js';
import { trace } from './trace.js';
import { HistoryRecorder } from './sessions/history/history-recorder.js';
import { RecordingCompactor } from './sessions/history/recording-compactor.js';
import { createDaemonCore, type DaemonCore } from './daemon-core.js';
import { IdleExit } from './idle-exit.js';
import { defined } from './protocol/defined.js';

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
export async function runDaemon(options: DaemonOptions): Promise<RunningDaemon> {
  // Every file of this process is private.
  process.umask(0o077);
  const daemon = new Daemon(options);
  await daemon.listen();
  return daemon;
}

class Daemon implements RunningDaemon {
  readonly ended: Promise<void>;
  readonly #options: DaemonOptions;
  readonly #log: Logger;
  readonly #startedMs = systemClock.nowMs();
  readonly #recorder: HistoryRecorder;
  readonly #compactor: RecordingCompactor;
  readonly #core: DaemonCore;
  readonly #live: LiveSessions;
  readonly #models: ModelService;
  readonly #speeches: SpeechService;
  readonly #files: FileQueue;
  readonly #api: Api;
  readonly #port: ApiPort;
  readonly #idleExit: IdleExit;
  #server: SottoServer | undefined;
  #cleanupTimer: Timer | undefined;
  #isStopping = false;
  #resolveEnded: () => void = () => undefined;

  constructor(options: DaemonOptions) {
    const { paths, model, tolerant = false, idleExitSeconds: seconds } = options;
    this.#options = options;
    const log = openLog(paths.log);
    this.#log = log;
    this.ended = new Promise<void>((resolve) => (this.#resolveEnded = resolve));
    makePrivateDir(paths.spool, log);
    makePrivateDir(paths.uploads, log);
    const clock = systemClock;
    const onIdleChange = (): void => this.#idleExit.check();
    this.#idleExit = new IdleExit({
      clock,
      seconds,
      isBusy: () => this.#isBusy,
      onIdle: () => this.stop('idle'),
    });
    this.#recorder = new HistoryRecorder(paths, log);
    const core = createDaemonCore({ paths, log, warm: true, tolerant, onIdleChange, ...defined({ model }) });
    const { sessions, supervisor: engine } = core;
    this.#core = core;
    this.#compactor = new RecordingCompactor({
      ...{ queue: sessions, log, nowMs: Date.now },
      history: () => this.#recorder.existingHistory(),
      recordings: paths.recordings,
      settings: paths.settings,
    });
    this.#live = new LiveSessions({
      ...{ engine, clock, log, onIdleChange },
      folder: paths.spool,
      resolveModel: core.resolveLiveModel,
      modelAccess: core.modelAccess,
      keep: (outcome) => this.#recorder.keep(outcome),
      vocabulary: core.vocabulary.inUse,
      fallbackFor: () => engine.models.fallbackFor,
      english: core.englishModel,
    });
    this.#models = new ModelService({
      ...{ engine: engine.models, clock, log, onIdleChange },
      modelDirs: modelDirs(paths),
      settings: paths.settings,
      machineSpeed: paths.machine,
      descriptions: new ModelDescriptions(paths.modelDescriptions, describeModels),
      access: core.modelAccess,
      english: core.englishModel,
    });
    this.#speeches = new SpeechService({
      ...{ engine, clock, log, onIdleChange },
      resolveModel: core.resolveModel,
      access: core.fileAccess,
    });
    this.#files = new FileQueue({ sessions, clock, onIdleChange });
    this.#api = createApi({
      ...{ sessions, clock, log, onIdleChange },
      live: this.#live,
      models: this.#models,
      speeches: this.#speeches,
      status: () => this.#status(),
      uploads: paths.uploads,
    });
    this.#port = new ApiPort({
      api: this.#api,
      token: paths.token,
      discovery: paths.discovery,
      wanted: () => readSettings(paths.settings).http.port,
      want: (wanted) => choosePort(paths.settings, wanted),
      log,
      onChange: onIdleChange,
    });
  }

  /** Opens the socket, then starts the engine. */
  async listen(): Promise<void> {
    const { paths, model } = this.#options;
    const log = this.#log;
    const { supervisor, problem: problemOf } = this.#core;
    this.#server = await this.#openServer();
    // This process holds the lock, so these files belong to a dead daemon.
    sweepUploads(paths.uploads);
    sweepInputs(paths.uploads);
    sweepLocks(paths.home, BATCH_LOCK);
    trace('daemon', 'listening');
    supervisor.start();
    log.info({ version: SOTTO_VERSION, node: process.version, model }, 'daemon ready');
    const problem = problemOf();
    if (problem !== undefined) log.error({ code: problem.code }, problem.message);
    this.#idleExit.check();
    void this.#port.restore();
    this.#tidyAfter(FIRST_CLEANUP_MS);
    void this.#live.recover();
  }

  stop(why: string): void {
    if (this.#isStopping) {
      this.#core.supervisor.kill();
      void this.#closeSockets().then(this.#resolveEnded);
      return;
    }
    this.#isStopping = true;
    this.#idleExit.close();
    this.#cleanupTimer?.cancel();
    this.#compactor.stop();
    this.#port.hide();
    this.#log.info({ why }, 'daemon stopping');
    void this.#end();
  }

  get #isBusy(): boolean {
    const isWorking =
      !this.#core.sessions.isIdle ||
      !this.#live.isIdle ||
      !this.#models.isIdle ||
      !this.#files.isIdle ||
      !this.#speeches.isIdle ||
      this.#api.admission.active > 0;
    // Clients of the API port expect the daemon to stay.
    return isWorking || this.#port.isOpen;
  }

  #openServer(): Promise<SottoServer> {
    const { paths } = this.#options;
    const { sessions, vocabulary } = this.#core;
    const log = this.#log;
    return SottoServer.listen({
      socketPath: paths.socket,
      lockPath: paths.lock,
      onDisplaced: (why) => this.stop(why),
      ...{ sessions, log, clock: systemClock },
      live: this.#live,
      models: this.#models,
      files: this.#files,
      speech: this.#speeches,
      history: new HistoryService({
        speeches: this.#speeches,
        open: () => this.#recorder.history(),
        recordings: paths.recordings,
        settings: paths.settings,
        tidy: () => this.#tidy(),
      }),
      vocabulary: new VocabularyService(vocabulary.file),
      api: this.#api,
      port: this.#port,
      status: () => this.#status(),
      uploads: paths.uploads,
      shutdown: () => this.stop('stopped by a client'),
    });
  }

  #tidyAfter(ms: number): void {
    this.#cleanupTimer = systemClock.after(ms, () => {
      this.#tidy().catch((error: unknown) => {
        this.#log.warn({ message: messageOf(error) }, 'could not clean up the history');
      });
      this.#tidyAfter(CLEANUP_INTERVAL_MS);
    });
  }

  /** Deletes what is no longer kept, and begins to store in compact form what is due. */
  async #tidy(): Promise<void> {
    await this.#recorder.tidy();
    void this.#compactor.run();
  }

  #status(): DaemonStatus {
    const { paths, idleExitSeconds } = this.#options;
    const { sessions, supervisor, problem } = this.#core;
    const engine = supervisor.status();
    const reason = degradedReason(engine, problem());
    const isBusy = sessions.queueStatus().running > 0 || this.#live.count > 0;
    return {
      pid: process.pid,
      version: SOTTO_VERSION,
      uptimeSeconds: (systemClock.nowMs() - this.#startedMs) / 1000,
      state: this.#isStopping ? 'stopping' : stateOf(engine, reason, isBusy),
      ...defined({ reason }),
      engine,
      queue: sessions.queueStatus(),
      dictations: this.#live.transcribing,
      connections: this.#server?.connections ?? 0,
      rssBytes: process.memoryUsage.rss(),
      socket: paths.socket,
      log: paths.log,
      ...defined({ http: this.#port.status(), idleExitSeconds }),
    };
  }

  async #end(): Promise<void> {
    const { sessions, supervisor } = this.#core;
    await Promise.all([sessions.stop(DRAIN_MS), this.#live.stop(DRAIN_MS), this.#models.stop()]);
    await supervisor.stop();
    await this.#closeSockets();
    await this.#recorder.close();
    this.#log.info('daemon stopped');
    this.#resolveEnded();
  }

  async #closeSockets(): Promise<void> {
    await Promise.all([this.#server?.close(), this.#port.close()]);
  }
}

function stateOf(
  engine: DaemonStatus['engine'],
  reason: string | undefined,
  isBusy: boolean,
): DaemonStatus['state'] {
  if (reason !== undefined) return 'degraded';
  const { state } = engine.model;
  if (engine.state !== 'ready' || state === 'loading' || state === 'warming') return 'starting';
  return isBusy ? 'busy' : 'ready';
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

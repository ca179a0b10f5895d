/**
 * Keeps one engine process alive: starts it, loads its models, sends it jobs, watches that it responds, and
 * replaces it when it dies. The process boundary contains a Metal abort or an out-of-memory kill.
 */
import type { Clock, Timer } from '../clock.js';
import type { Logger } from '../logger.js';
import { SottoError } from '../protocol/errors.js';
import type { FromEngine, ModelLimits } from '../protocol/ipc.js';
import type { EngineFigures, EngineState, EngineStatus } from '../protocol/status.js';
import type {
  Engine,
  EngineJob,
  EngineSpeech,
  EngineSpeechReport,
  EngineSpeechRequest,
  EngineStreamRequest,
  JobReport,
  EngineStreamReport,
  RunningJob,
  EngineStream,
} from './engine.js';
import { EngineProcess, type EngineCommand } from './engine-process.js';
import { HangWatch } from './hang-watch.js';
import { EngineJobs } from './engine-jobs.js';
import { EngineSpeeches } from './engine-speeches.js';
import { EngineStreams } from './engine-streams.js';
import type { ModelAccess } from './model-access.js';
import { ModelLifecycle, type WarmPlan } from './model-lifecycle.js';
import { ProgressWatch } from './progress-watch.js';
import { RestartPolicy } from './restart-policy.js';
import { defined } from '../protocol/defined.js';

/** How long it may take to exit after a shutdown request. */
const SHUTDOWN_GRACE_MS = 2_000;

interface SupervisorOptions {
  readonly command: EngineCommand;
  readonly clock: Clock;
  readonly log: Logger;
  readonly warm?: WarmPlan;
  readonly limits?: ModelLimits;
  readonly access?: ModelAccess;
  readonly cancelGraceMs?: number;
  /** Speed of the GPU at a model's window: 10⁹ floating-point operations a second. */
  readonly onMeasured?: (gflops: number) => void;
}

export class Supervisor implements Engine {
  /** Loads and frees models, by request and for each new process. */
  readonly models: ModelLifecycle;
  readonly #options: SupervisorOptions;
  readonly #policy = new RestartPolicy();
  #state: EngineState = 'stopped';
  #process: EngineProcess | undefined;
  #watch: HangWatch | undefined;
  #progress: ProgressWatch | undefined;
  readonly #jobs: EngineJobs;
  readonly #live: EngineStreams;
  readonly #speeches: EngineSpeeches;
  /** The error of a dictation or a speech for which the engine was killed. */
  #sessionFault: SottoError | undefined;
  #figures: EngineFigures | undefined;
  #device: string | undefined;
  #startedAtMs = 0;
  #restarts = 0;
  #lastFailure: string | undefined;
  /** Why no engine is started any more; completes "the speech engine …". */
  #whyDegraded: string | undefined;
  /** The error with which the process reported that it can't work. */
  #fatal: SottoError | undefined;
  /** Whether the process is ended on purpose: its exit is no crash. */
  #expectedExit = false;
  #restartTimer: Timer | undefined;
  #stopped: (() => void) | undefined;

  constructor(options: SupervisorOptions) {
    this.#options = options;
    const { access, cancelGraceMs, limits, warm } = options;
    this.#jobs = new EngineJobs({
      clock: options.clock,
      ...defined({ cancelGraceMs }),
      send: (message) => {
        if (message.type === 'run') this.#progress?.noteStart();
        this.#process?.send(message);
      },
      onStuck: (job) => {
        options.log.warn({ job }, 'engine ignored a cancelled job: replacing it');
        this.#expectedExit = true;
        this.#process?.kill('did not stop a cancelled job');
      },
      onFailed: (error) => this.#killIfUntrustworthy(error),
      onSucceeded: () => this.#policy.recordSuccess(),
    });
    this.#live = new EngineStreams({
      clock: options.clock,
      send: (message) => this.#process?.send(message),
      progressMs: () => this.#progress?.lastProgressMs,
      onStuck: () => this.#process?.kill('stopped decoding live audio'),
    });
    this.#speeches = new EngineSpeeches((message) => this.#process?.send(message));
    this.models = new ModelLifecycle({
      beforeUse: () => this.#startForModel(),
      send: (message) => this.#process?.send(message),
      log: options.log,
      ...defined({ plan: warm, limits, access }),
    });
  }

  /** @throws SottoError ENGINE_UNAVAILABLE if it was stopped */
  #startForModel(): void {
    if (this.#state === 'stopped') throw this.#degradedError();
    // The previous default model may have crashed the engine.
    if (this.#state === 'degraded') this.#spawn();
  }

  start(): void {
    if (this.#state === 'stopped') this.#spawn();
  }

  run(job: EngineJob, report: (report: JobReport) => void): RunningJob {
    const running = this.#jobs.run(job, report);
    // Reports come after this has returned.
    queueMicrotask(() => {
      if (this.#isUnavailable()) this.#jobs.failAll(this.#degradedError());
    });
    return running;
  }

  prefetch(path: string | undefined): void {
    this.#jobs.prefetch(path);
  }

  openStream(request: EngineStreamRequest, report: (report: EngineStreamReport) => void): EngineStream {
    const running = this.#live.open(request, report);
    // Reports come after this has returned.
    queueMicrotask(() => {
      if (this.#isUnavailable()) this.#live.failAll(this.#degradedError());
    });
    return running;
  }

  openSpeech(request: EngineSpeechRequest, report: (report: EngineSpeechReport) => void): EngineSpeech {
    const speech = this.#speeches.open(request, report);
    // Reports come after this has returned.
    queueMicrotask(() => {
      if (this.#isUnavailable()) this.#speeches.failAll(this.#degradedError());
    });
    return speech;
  }

  status(): EngineStatus {
    const pid = this.#process?.pid;
    return {
      state: this.#state,
      restarts: this.#restarts,
      ...this.models.status(),
      ...(pid === undefined
        ? {}
        : { pid, uptimeSeconds: (this.#options.clock.nowMs() - this.#startedAtMs) / 1000 }),
      ...defined({ lastFailure: this.#lastFailure, device: this.#device, figures: this.#figures }),
    };
  }

  /** Shuts the engine down. The caller ends a running job first. */
  async stop(): Promise<void> {
    this.#stopServing();
    const process = this.#process;
    if (process === undefined) return;
    const exited = new Promise<void>((resolve) => (this.#stopped = resolve));
    process.send({ type: 'shutdown' });
    const killTimer = this.#options.clock.after(SHUTDOWN_GRACE_MS, () =>
      process.kill('did not shut down in time'),
    );
    await exited;
    killTimer.cancel();
  }

  /** Kills the engine without waiting. */
  kill(): void {
    this.#stopServing();
    this.#process?.kill('was stopped with the daemon');
  }

  #stopServing(): void {
    this.#jobs.forget();
    this.#restartTimer?.cancel();
    this.#state = 'stopped';
    this.#failAll();
  }

  /** Whether no engine will start; one that failed long ago is tried once more. */
  #isUnavailable(): boolean {
    if (this.#state !== 'degraded') return this.#state === 'stopped';
    if (!this.#policy.canRetry(this.#options.clock.nowMs())) return true;
    this.#spawn();
    return false;
  }

  #spawn(): void {
    const { clock, command, log } = this.#options;
    this.#state = 'starting';
    this.#expectedExit = false;
    this.#fatal = undefined;
    this.#startedAtMs = clock.nowMs();
    this.#figures = undefined;
    const process = new EngineProcess(command, {
      onMessage: (message) => {
        this.#watch?.noteMessage();
        this.#receive(message);
      },
      onLine: (line) => log.info({ engine: process.pid }, line),
      onExit: (why) => this.#exited(why),
    });
    this.#process = process;
    this.#watch = new HangWatch({
      clock,
      ping: () => process.send({ type: 'ping' }),
      onHang: (silentMs) => process.kill(`did not respond for ${Math.round(silentMs / 1000)} s`),
      isLoading: () => this.#state === 'starting' || this.models.isLoading,
    });
    this.#progress = new ProgressWatch({
      clock,
      work: () => this.#currentWork,
      onStall: (stalledMs) => process.kill(`made no progress for ${Math.round(stalledMs / 1000)} s`),
    });
    log.info({ engine: process.pid }, 'engine started');
  }

  get #currentWork(): 'none' | 'loading' | 'job' {
    if (this.models.isLoading) return 'loading';
    return this.#speeches.isComputing || this.#jobs.isComputing ? 'job' : 'none';
  }

  #receive(message: FromEngine): void {
    // Ignore messages of a process that is shutting down.
    if (this.#state === 'stopped') return;
    switch (message.type) {
      case 'fatal':
        this.#fatal = SottoError.fromWire(message.error);
        this.#process?.kill(message.error.message);
        return;
      case 'ready':
        this.#device = message.device;
        this.#state = 'ready';
        this.#live.ready();
        this.#speeches.ready();
        this.#jobs.ready();
        // After waiting jobs and sessions: their models load first.
        this.models.ready(this.#jobs.modelDir);
        return;
      case 'models':
        this.models.receive(message);
        for (const { dir, fraction, state } of message.models)
          if (state === 'loading' && fraction === 0) this.#jobs.modelLoading(dir);
        return;
      case 'loaded':
      case 'load-failed':
        this.models.receive(message);
        return;
      case 'measured':
        this.#options.onMeasured?.(message.gflops);
        return;
      case 'pong':
        this.#figures = message.figures;
        this.#progress?.notePong(message.steps, message.isWaitingForMemory);
        return;
      case 'opened':
      case 'event':
      case 'done':
      case 'codes':
      case 'encoded':
      case 'failed':
      case 'cancelled':
        this.#progress?.noteProgress();
        this.#jobs.receive(message);
        return;
      case 'live-failed': {
        const error = SottoError.fromWire(message.error);
        if (this.#killIfUntrustworthy(error)) this.#sessionFault = error;
        else this.#live.receive(message);
        return;
      }
      case 'live-update':
      case 'live-done':
        // A voice-only session says nothing about the device.
        if (message.step.voice === undefined) this.#policy.recordSuccess();
        this.#live.receive(message);
        return;
      case 'live-opened':
      case 'live-voice':
        this.#live.receive(message);
        return;
      case 'speech-failed': {
        const error = SottoError.fromWire(message.error);
        if (this.#killIfUntrustworthy(error)) this.#sessionFault = error;
        else this.#speeches.receive(message);
        return;
      }
      case 'speech-opened':
      case 'speech-audio':
      case 'speech-answer':
      case 'speech-answered':
      case 'speech-done':
        this.#progress?.noteProgress();
        this.#speeches.receive(message);
        return;
    }
  }

  /** Zeros for features or out of GPU memory: later results of that process can't be trusted. */
  #killIfUntrustworthy({ code, message }: SottoError): boolean {
    const isUntrustworthy = code === 'ENGINE_CRASHED' || code === 'ENGINE_OOM';
    if (isUntrustworthy) this.#process?.kill(message);
    return isUntrustworthy;
  }

  #exited(why: string): void {
    const { clock, log } = this.#options;
    const pid = this.#process?.pid;
    const expected = this.#expectedExit;
    this.#watch?.stop();
    this.#process = undefined;
    this.#figures = undefined;
    this.models.lost(why);
    if (this.#state === 'stopped') {
      log.info({ engine: pid }, 'engine exited');
      this.#stopped?.();
      return;
    }
    log.error({ engine: pid, why }, 'engine lost');
    this.#restarts += 1;
    if (expected) {
      this.#spawn();
    } else {
      this.#lastFailure = why;
      const isOfFile = this.#jobs.isSent;
      const now = clock.nowMs();
      const decision = isOfFile ? this.#policy.recordFileCrash(now) : this.#policy.recordCrash(now);
      if (decision.restart && this.#fatal === undefined) {
        this.#state = 'restarting';
        this.#restartTimer = clock.after(decision.delayMs, () => this.#spawn());
      } else {
        this.#state = 'degraded';
        this.#whyDegraded = decision.restart ? undefined : decision.why;
        log.error({ why }, 'not restarting the engine');
      }
    }
    this.#settleLost(why);
  }

  /** Ends the job and the sessions of a process that died. */
  #settleLost(why: string): void {
    const error = new SottoError('ENGINE_CRASHED', `the speech engine ${why}`);
    const fault = this.#sessionFault ?? error;
    this.#sessionFault = undefined;
    this.#live.lost(fault);
    this.#speeches.lost(fault);
    this.#jobs.lost(error);
    if (this.#state === 'degraded') this.#failAll();
  }

  #failAll(): void {
    for (const all of [this.#live, this.#speeches, this.models, this.#jobs])
      all.failAll(this.#degradedError());
  }

  #degradedError(): SottoError {
    if (this.#state === 'stopped') return new SottoError('ENGINE_UNAVAILABLE', 'the engine was stopped');
    if (this.#fatal !== undefined) return this.#fatal;
    return new SottoError(
      'ENGINE_UNAVAILABLE',
      `the speech engine ${this.#whyDegraded ?? 'failed'}; last: it ${this.#lastFailure ?? 'died'}`,
      { hint: 'see the log (`sotto daemon status`); restart with `sotto daemon stop`' },
    );
  }
}

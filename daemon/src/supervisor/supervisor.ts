/**
 * Keeps one engine process alive: starts it, loads its models, sends it jobs, watches that it responds, and
 * replaces it when it dies. The process boundary contains a Metal abort or an out-of-memory kill.
 */
import type { Clock, Timer } from '../clock.js';
import type { Logger } from '../logger.js';
import { SottoError, type ErrorCode } from '../protocol/errors.js';
import type { FromEngine, ModelLimits, ModelRef } from '../protocol/ipc.js';
import type { EngineFigures, EngineState, EngineStatus, ModelStatus } from '../protocol/status.js';
import type {
  Engine,
  EngineJob,
  EngineSpeech,
  EngineSpeechReport,
  EngineSpeechRequest,
  EngineStreamRequest,
  JobReport,
  EngineStreamReport,
  ModelEngine,
  RunningJob,
  EngineStream,
  UseOptions,
} from './engine.js';
import { EngineProcess, type EngineCommand } from './engine-process.js';
import { HangWatch } from './hang-watch.js';
import { EngineSpeeches } from './engine-speeches.js';
import { EngineStreams } from './engine-streams.js';
import type { ModelAccess } from './model-access.js';
import { ModelLifecycle, type WarmPlan } from './model-lifecycle.js';
import { ProgressWatch } from './progress-watch.js';
import { RestartPolicy } from './restart-policy.js';
import { defined } from '../protocol/defined.js';

/** How long the engine may take to leave a decode step after a cancel before it is killed. */
const CANCEL_GRACE_MS = 5_000;
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

interface CurrentJob {
  readonly id: number;
  readonly job: EngineJob;
  readonly report: (report: JobReport) => void;
  sent: boolean;
  cancelled: boolean;
  /** Of the grace period after a cancel. */
  graceTimer?: Timer;
  /** The error for which the engine was killed. */
  fault?: SottoError;
}

export class Supervisor implements Engine, ModelEngine {
  readonly #options: SupervisorOptions;
  readonly #policy = new RestartPolicy();
  #state: EngineState = 'stopped';
  #process: EngineProcess | undefined;
  #watch: HangWatch | undefined;
  #progress: ProgressWatch | undefined;
  readonly #live: EngineStreams;
  readonly #speeches: EngineSpeeches;
  /** The error of a dictation or a speech for which the engine was killed. */
  #sessionFault: SottoError | undefined;
  #current: CurrentJob | undefined;
  /** The file of the next job. */
  #prefetchPath: string | undefined;
  /**
   * The engine died with a file running and this one prefetched: either may be the cause, so it is not prefetched
   * again.
   */
  #isPrefetchSuspect = false;
  #nextJob = 1;
  readonly #models: ModelLifecycle;
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
    this.#live = new EngineStreams({
      clock: options.clock,
      send: (message) => this.#process?.send(message),
      progressMs: () => this.#progress?.lastProgressMs,
      onStuck: () => this.#process?.kill('stopped decoding live audio'),
    });
    this.#speeches = new EngineSpeeches((message) => this.#process?.send(message));
    const { warm, limits, access } = options;
    this.#models = new ModelLifecycle({
      send: (message) => this.#process?.send(message),
      log: options.log,
      ...defined({ plan: warm, limits, access }),
    });
  }

  get serving(): ModelRef | undefined {
    return this.#models.serving;
  }

  get chosen(): ModelRef | undefined {
    return this.#models.chosen;
  }

  /** Name of the intended default model while another one serves. */
  get fallbackFor(): string | undefined {
    return this.#models.fallbackFor;
  }

  use(model: ModelRef, options?: UseOptions): Promise<ModelStatus> {
    if (this.#state === 'stopped') return Promise.reject(this.#degradedError());
    const used = this.#models.use(model, options);
    // The previous default model may have crashed the engine.
    if (this.#state === 'degraded') this.#spawn();
    return used;
  }

  keep(models: readonly ModelRef[]): void {
    this.#models.keep(models);
  }

  unload(): void {
    this.#models.unload();
  }

  watchModels(listener: (models: readonly ModelStatus[]) => void): () => void {
    return this.#models.watch(listener);
  }

  start(): void {
    if (this.#state === 'stopped') this.#spawn();
  }

  run(job: EngineJob, report: (report: JobReport) => void): RunningJob {
    if (this.#current !== undefined) throw new SottoError('INTERNAL', 'the engine runs one job at a time');
    const current: CurrentJob = { id: this.#nextJob++, job, report, sent: false, cancelled: false };
    this.#current = current;
    // Reports come after `run` has returned.
    queueMicrotask(() => this.#begin(current));
    return { cancel: () => this.#cancel(current) };
  }

  prefetch(path: string | undefined): void {
    this.#prefetchPath = path;
    // After the `run` message of the current job.
    queueMicrotask(() => this.#sendPrefetch());
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
      ...this.#models.status(),
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
    this.#current?.graceTimer?.cancel();
    this.#current = undefined;
    this.#restartTimer?.cancel();
    this.#state = 'stopped';
    this.#live.failAll(this.#degradedError());
    this.#speeches.failAll(this.#degradedError());
    this.#models.failAll(this.#degradedError());
  }

  #begin(current: CurrentJob): void {
    if (current !== this.#current) return;
    if (this.#state === 'ready') {
      this.#send(current);
      return;
    }
    if (this.#isUnavailable()) this.#finish({ type: 'failed', error: this.#degradedError() });
    else current.report({ type: 'waiting', for: 'engine' });
  }

  /** Whether no engine will start; one that failed long ago is tried once more. */
  #isUnavailable(): boolean {
    if (this.#state !== 'degraded') return this.#state === 'stopped';
    if (!this.#policy.canRetry(this.#options.clock.nowMs())) return true;
    this.#spawn();
    return false;
  }

  #send(current: CurrentJob): void {
    current.sent = true;
    this.#progress?.noteStart();
    this.#process?.send({ type: 'run', job: current.id, ...current.job });
  }

  #sendPrefetch(): void {
    if (this.#isPrefetchSuspect) return;
    const path = this.#prefetchPath;
    if (this.#state === 'ready') this.#process?.send({ type: 'prefetch', ...defined({ path }) });
  }

  #cancel(current: CurrentJob): void {
    if (current !== this.#current || current.cancelled) return;
    current.cancelled = true;
    if (!current.sent) {
      this.#finish({ type: 'cancelled' });
      return;
    }
    this.#process?.send({ type: 'cancel', job: current.id });
    current.graceTimer = this.#options.clock.after(this.#options.cancelGraceMs ?? CANCEL_GRACE_MS, () => {
      this.#options.log.warn({ job: current.id }, 'engine ignored a cancelled job: replacing it');
      this.#expectedExit = true;
      this.#process?.kill('did not stop a cancelled job');
    });
  }

  #finish(report: JobReport): void {
    const current = this.#current;
    this.#current = undefined;
    current?.graceTimer?.cancel();
    if (report.type === 'done' || report.type === 'encoded') this.#policy.recordSuccess();
    if (report.type !== 'lost') this.#isPrefetchSuspect = false;
    current?.report(report);
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
      isLoading: () => this.#state === 'starting' || this.#models.isLoading,
    });
    this.#progress = new ProgressWatch({
      clock,
      work: () => this.#currentWork,
      onStall: (stalledMs) => process.kill(`made no progress for ${Math.round(stalledMs / 1000)} s`),
    });
    log.info({ engine: process.pid }, 'engine started');
  }

  get #currentWork(): 'none' | 'loading' | 'job' {
    if (this.#models.isLoading) return 'loading';
    // A cancelled job has a time limit of its own.
    if (this.#speeches.isComputing) return 'job';
    return this.#current?.sent === true && !this.#current.cancelled ? 'job' : 'none';
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
        if (this.#current !== undefined) this.#send(this.#current);
        if (this.#prefetchPath !== undefined) this.#sendPrefetch();
        // After waiting jobs and sessions: their models load first.
        this.#models.ready(this.#current?.job.model.dir);
        return;
      case 'models':
        this.#models.receive(message);
        if (this.#waitsForModel(message.models)) this.#current?.report({ type: 'waiting', for: 'model' });
        return;
      case 'loaded':
      case 'load-failed':
        this.#models.receive(message);
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
        this.#receiveOfJob(message);
        return;
      case 'live-failed':
        if (this.#isUntrustworthy(message.error)) {
          this.#sessionFault = SottoError.fromWire(message.error);
          this.#process?.kill(message.error.message);
          return;
        }
        this.#live.receive(message);
        return;
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
      case 'speech-failed':
        if (this.#isUntrustworthy(message.error)) {
          this.#sessionFault = SottoError.fromWire(message.error);
          this.#process?.kill(message.error.message);
          return;
        }
        this.#speeches.receive(message);
        return;
      case 'speech-opened':
      case 'speech-audio':
      case 'speech-done':
        this.#progress?.noteProgress();
        this.#speeches.receive(message);
        return;
    }
  }

  /** Zeros for features or out of GPU memory: later results of that process can't be trusted. */
  #isUntrustworthy({ code }: { code: ErrorCode }): boolean {
    return code === 'ENGINE_CRASHED' || code === 'ENGINE_OOM';
  }

  #receiveOfJob(message: Extract<FromEngine, { job: number }>): void {
    const current = this.#current;
    if (current === undefined || message.job !== current.id) return;
    this.#progress?.noteProgress();
    switch (message.type) {
      case 'opened': {
        const { durationSeconds } = message;
        current.report({ type: 'opened', ...defined({ durationSeconds }) });
        return;
      }
      case 'event':
        current.report({ type: 'event', event: message.event });
        return;
      case 'done':
        this.#finish({ type: 'done', summary: message.summary });
        return;
      case 'codes': {
        const { codes, scales, seconds } = message;
        current.report({ type: 'codes', codes: { codes, ...defined({ scales }) }, seconds });
        return;
      }
      case 'encoded':
        this.#finish({ type: 'encoded', summary: message.summary });
        return;
      case 'cancelled':
        this.#finish({ type: 'cancelled' });
        return;
      case 'failed': {
        const error = SottoError.fromWire(message.error);
        if (this.#isUntrustworthy(error)) {
          current.fault = error;
          this.#process?.kill(error.message);
          return;
        }
        this.#finish({ type: 'failed', error });
      }
    }
  }

  #waitsForModel(models: Extract<FromEngine, { type: 'models' }>['models']): boolean {
    const dir = this.#current?.job.model.dir;
    return models.some((model) => model.dir === dir && model.state === 'loading' && model.fraction === 0);
  }

  #exited(why: string): void {
    const { clock, log } = this.#options;
    const pid = this.#process?.pid;
    const expected = this.#expectedExit;
    this.#watch?.stop();
    this.#process = undefined;
    this.#figures = undefined;
    this.#models.lost(why);
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
      const isOfFile = this.#current?.sent === true;
      const now = clock.nowMs();
      const decision = isOfFile ? this.#policy.recordFileCrash(now) : this.#policy.recordCrash(now);
      if (isOfFile) this.#isPrefetchSuspect = true;
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
    const fault = this.#sessionFault ?? new SottoError('ENGINE_CRASHED', `the speech engine ${why}`);
    this.#sessionFault = undefined;
    this.#live.lost(fault);
    this.#speeches.lost(fault);
    if (this.#state === 'degraded') {
      this.#live.failAll(this.#degradedError());
      this.#speeches.failAll(this.#degradedError());
      this.#models.failAll(this.#degradedError());
    }
    const current = this.#current;
    if (current === undefined) return;
    if (current.cancelled) this.#finish({ type: 'cancelled' });
    else if (current.sent) {
      const error = current.fault ?? new SottoError('ENGINE_CRASHED', `the speech engine ${why}`);
      this.#finish({ type: 'lost', error });
    } else if (this.#state === 'degraded') this.#finish({ type: 'failed', error: this.#degradedError() });
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

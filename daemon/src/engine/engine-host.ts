/**
 * The engine's message loop: holds the models, runs one job after another, and stops a job between two decode
 * steps. Dictation sessions take priority. Everything that touches MLX or files is injected.
 */
import {
  asRecognizer,
  type AudioStream,
  type Footprint,
  type Recognizer,
} from '#daemon/models/speech-model.js';
import type { EngineSummary, FromEngine, ModelLimits, ToEngine } from '#daemon/protocol/ipc.js';
import type { EngineFigures } from '#daemon/protocol/status.js';
import { throwIfCancelled } from '../async.js';
import type { Clock } from '../clock.js';
import { trace } from '../trace.js';
import { engineError } from './engine-errors.js';
import { withRows } from './file-batch.js';
import { LiveRuns } from './live/live-runs.js';
import { SpeechRuns } from './speech/speech-runs.js';
import { AudioPrefetcher, type AudioClaim } from './audio-prefetcher.js';
import type { ModelLease } from './loaded-model.js';
import { ModelCache, type LoadModel } from './model-cache.js';
import { ComputeScheduler } from './compute-scheduler.js';
import { defined } from '#daemon/protocol/defined.js';

/** Memory that MLX keeps for reuse is freed after this long without work. */
const CLEAR_CACHE_AFTER_MS = 30_000;

export interface OpenAudio extends AudioStream {
  close(): Promise<void>;
}

export interface EngineDeps {
  readonly loadModel: LoadModel;
  readonly footprint: (dir: string) => Promise<Footprint>;
  readonly clock: Clock;
  readonly openAudio: (path: string) => Promise<OpenAudio>;
  /** Changes whenever the file does; undefined without a file. */
  readonly fingerprintOf: (path: string) => string | undefined;
  readonly figures: () => EngineFigures;
  /** Steps completed since the process started. */
  readonly steps: () => number;
  readonly clearCache: () => void;
  /** Windows of a file that fit into memory at once; undefined if the device decodes one at a time. */
  readonly fileRows?: (model: Recognizer, maxBytes: number | undefined) => number | undefined;
  /** Wires models and working memory while sessions are open; called again when a model was loaded. */
  readonly wireMemory?: (isOpen: boolean) => void;
  readonly send: (message: FromEngine) => void;
  /** Called once on `shutdown`, after everything is released. */
  readonly exit: () => void;
}

type Run = Extract<ToEngine, { type: 'run' }>;
type Load = Extract<ToEngine, { type: 'load' }>;

export class EngineHost {
  readonly #deps: EngineDeps;
  readonly #models: ModelCache;
  readonly #scheduler = new ComputeScheduler();
  readonly #next: AudioPrefetcher;
  readonly #live: LiveRuns;
  readonly #speeches: SpeechRuns;
  /** Runs happen one at a time, in the order of arrival. */
  #tail: Promise<void> = Promise.resolve();
  #job: { id: number; controller: AbortController } | undefined;
  /** Models that are loading to be pinned, by request id. */
  readonly #loads = new Map<number, AbortController>();
  /** Runs that are waiting or running. */
  #tasks = 0;
  #idleTimer: NodeJS.Timeout | undefined;
  #hasLiveSessions = false;
  #isSpeaking = false;
  #limits: ModelLimits = {};

  constructor(deps: EngineDeps) {
    this.#deps = deps;
    this.#next = new AudioPrefetcher({ open: deps.openAudio, fingerprintOf: deps.fingerprintOf });
    this.#models = new ModelCache({
      load: deps.loadModel,
      footprint: deps.footprint,
      clock: deps.clock,
      onChange: (models) => {
        deps.send({ type: 'models', models: [...models] });
        if (this.#hasLiveSessions) deps.wireMemory?.(true);
      },
      onFreed: () => this.#onModelFreed(),
      onMeasured: (gflops) => deps.send({ type: 'measured', gflops }),
    });
    this.#live = new LiveRuns({
      models: this.#models,
      scheduler: this.#scheduler,
      send: deps.send,
      onBusy: (busy) => this.#setLiveSessions(busy),
    });
    this.#speeches = new SpeechRuns({
      models: this.#models,
      scheduler: this.#scheduler,
      send: deps.send,
      onBusy: (busy) => this.#setSpeaking(busy),
    });
  }

  receive(message: ToEngine): void {
    switch (message.type) {
      case 'limits': {
        const { type: _, ...limits } = message;
        this.#limits = limits;
        this.#models.setLimits(limits);
        return;
      }
      case 'load':
        void this.#load(message);
        return;
      case 'load-cancel':
        this.#loads.get(message.requestId)?.abort();
        return;
      case 'unload':
        this.#models.unload();
        return;
      case 'run': {
        const controller = new AbortController();
        this.#job = { id: message.job, controller };
        const claim = this.#next.claim(message.path);
        this.#enqueue(() => this.#run(message, claim, controller.signal));
        return;
      }
      case 'prefetch':
        this.#next.prefetch(message.path);
        return;
      case 'cancel':
        if (this.#job?.id === message.job) this.#job.controller.abort();
        return;
      case 'live-open':
        void this.#live.open(message);
        return;
      case 'live-audio':
        this.#live.audio(message.session, message.pcm);
        return;
      case 'live-finish':
        this.#live.finish(message.session);
        return;
      case 'live-cancel':
        this.#live.cancel(message.session);
        return;
      case 'speech-open':
        void this.#speeches.open(message);
        return;
      case 'speech-acknowledge':
        this.#speeches.acknowledge(message.speech, message.samples);
        return;
      case 'speech-cancel':
        this.#speeches.cancel(message.speech);
        return;
      case 'ping':
        this.#sendFigures();
        return;
      case 'shutdown': {
        this.#job?.controller.abort();
        for (const load of this.#loads.values()) load.abort();
        const quiet = Promise.all([this.#live.close(), this.#speeches.close()]);
        this.#next.close();
        this.#enqueue(async () => {
          await quiet;
          this.#models.close();
          this.#deps.exit();
        });
        return;
      }
    }
  }

  #enqueue(task: () => Promise<void>): void {
    clearTimeout(this.#idleTimer);
    this.#tasks += 1;
    this.#tail = this.#tail.then(task).then(() => {
      this.#tasks -= 1;
      this.#scheduleCacheClear();
    });
  }

  #scheduleCacheClear(): void {
    clearTimeout(this.#idleTimer);
    if (this.#tasks > 0 || this.#hasLiveSessions || this.#isSpeaking) return;
    this.#idleTimer = setTimeout(() => this.#deps.clearCache(), CLEAR_CACHE_AFTER_MS);
    this.#idleTimer.unref();
  }

  #setLiveSessions(busy: boolean): void {
    this.#hasLiveSessions = busy;
    this.#deps.wireMemory?.(busy);
    if (!busy) this.#sendFigures();
    this.#scheduleCacheClear();
  }

  #setSpeaking(speaking: boolean): void {
    this.#isSpeaking = speaking;
    if (!speaking) this.#sendFigures();
    this.#scheduleCacheClear();
  }

  /** Pins the default model. */
  async #load({ requestId, model, fallbacks }: Load): Promise<void> {
    const cancelled = new AbortController();
    this.#loads.set(requestId, cancelled);
    try {
      const pinned = await this.#models.pin(model, fallbacks, cancelled.signal);
      this.#deps.send({ type: 'loaded', requestId, model: pinned });
    } catch (error) {
      this.#deps.send({ type: 'load-failed', requestId, error: engineError(error).toWire() });
    }
    this.#loads.delete(requestId);
    this.#sendFigures();
  }

  /** The memory that a model leaves for reuse fits no other one. */
  #onModelFreed(): void {
    this.#deps.clearCache();
    this.#sendFigures();
  }

  #sendFigures(): void {
    const { figures, send, steps } = this.#deps;
    send({
      type: 'pong',
      figures: figures(),
      steps: steps(),
      isWaitingForMemory: this.#models.isWaitingForMemory,
    });
  }

  async #run(run: Run, claim: AudioClaim, signal: AbortSignal): Promise<void> {
    const { job } = run;
    if (signal.aborted) {
      claim.release();
      this.#end({ type: 'cancelled', job });
      return;
    }
    trace('engine', 'job received');
    // Load and open at once: most of a load runs on other threads.
    const loading = this.#models.hold(run.model, signal);
    loading.catch(() => undefined); // awaited below, unless something else fails first
    try {
      const summary = await this.#transcribe(run, claim, loading, signal);
      this.#end({ type: 'done', job, summary });
    } catch (thrown) {
      if (signal.aborted) this.#end({ type: 'cancelled', job });
      else this.#end({ type: 'failed', job, error: engineError(thrown).toWire() });
    }
    // A wrong path is reported at once, but the load must still end.
    await loading.then(
      ({ release }) => release(),
      () => undefined,
    );
  }

  #end(last: Extract<FromEngine, { type: 'done' | 'cancelled' | 'failed' }>): void {
    this.#job = undefined;
    this.#deps.send(last);
    this.#sendFigures();
  }

  async #transcribe(
    run: Run,
    claim: AudioClaim,
    loading: Promise<ModelLease>,
    signal: AbortSignal,
  ): Promise<EngineSummary> {
    const audio = await claim.open();
    trace('engine', 'file open');
    // A reader that waits for its decoder sees the signal only after the next chunk.
    const stop = (): void => void audio.close().catch(() => undefined);
    signal.addEventListener('abort', stop, { once: true });
    try {
      const { durationSeconds } = audio;
      this.#deps.send({
        type: 'opened',
        job: run.job,
        ...defined({ durationSeconds }),
      });
      const openedMs = performance.now();
      const model = asRecognizer((await loading).model);
      trace('engine', 'model in memory');
      // The time spent waiting for the model, including a load already under way; none if it was warm.
      const load = (performance.now() - openedMs) / 1000;
      return await this.#decode(model, audio, run, signal, load);
    } finally {
      signal.removeEventListener('abort', stop);
      await audio.close();
    }
  }

  async #decode(
    model: Recognizer,
    audio: AudioStream,
    run: Run,
    signal: AbortSignal,
    load: number,
  ): Promise<EngineSummary> {
    signal.throwIfAborted();
    const { maxBytes, fileBatchSize } = this.#limits;
    const fitting = this.#deps.fileRows?.(model, maxBytes);
    const rows = fitting === undefined ? 1 : (fileBatchSize ?? fitting);
    const events = model.transcribe(audio, withRows(run.options, rows, audio.durationSeconds, model), signal);
    for (;;) {
      await this.#scheduler.yieldToRealtime(signal);
      const step = await events.next();
      if (step.done === true) {
        throwIfCancelled(signal);
        trace('engine', 'transcript complete');
        const { language, durationSeconds, timings } = step.value;
        return { language, durationSeconds, timings: { ...timings, load } };
      }
      // The model sees the signal itself and stops at its next step; its events until then are dropped.
      if (!signal.aborted) this.#deps.send({ type: 'event', job: run.job, event: step.value });
    }
  }
}

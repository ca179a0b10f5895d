/**
 * The engine's message loop: holds the models, runs one job after another, and stops a job between two decode
 * steps. Dictation sessions take priority. Everything that touches MLX or files is injected.
 */
import type { Footprint, Recognizer } from '#daemon/models/speech-model.js';
import type { FromEngine, ModelLimits, ToEngine } from '#daemon/protocol/ipc.js';
import type { EngineFigures } from '#daemon/protocol/status.js';
import type { TranscribeOptions } from '#daemon/protocol/transcription.js';
import type { Clock } from '../clock.js';
import { ComputeScheduler } from './compute-scheduler.js';
import { engineError } from './engine-errors.js';
import type { OpenAudio } from './files/file-context.js';
import { FileRuns } from './files/file-runs.js';
import { LiveRuns } from './live/live-runs.js';
import { ModelCache, type LoadModel } from './model-cache.js';
import { SpeechRuns } from './speech/speech-runs.js';

/** Memory that MLX keeps for reuse is freed after this long without work. */
const CLEAR_CACHE_AFTER_MS = 30_000;

export interface EngineDeps {
  readonly loadModel: LoadModel;
  readonly footprint: (dir: string) => Promise<Footprint>;
  readonly clock: Clock;
  readonly openAudio: OpenAudio;
  /** Changes whenever the file does; undefined without a file. */
  readonly fingerprintOf: (path: string) => string | undefined;
  readonly figures: () => EngineFigures;
  /** Steps completed since the process started. */
  readonly steps: () => number;
  readonly clearCache: () => void;
  /** Windows of a file that fit into memory at once; undefined if the device decodes one at a time. */
  readonly fileRows?: (
    model: Recognizer,
    options: TranscribeOptions,
    maxBytes: number | undefined,
  ) => number | undefined;
  /** Wires models and working memory while sessions are open; called again when a model was loaded. */
  readonly wireMemory?: (isOpen: boolean) => void;
  readonly send: (message: FromEngine) => void;
  /** Called once on `shutdown`, after everything is released. */
  readonly exit: () => void;
}

type Load = Extract<ToEngine, { type: 'load' }>;

export class EngineHost {
  readonly #deps: EngineDeps;
  readonly #models: ModelCache;
  readonly #scheduler = new ComputeScheduler();
  readonly #files: FileRuns;
  readonly #live: LiveRuns;
  readonly #speeches: SpeechRuns;
  /** Models that are loading to be pinned, by request id. */
  readonly #loads = new Map<number, AbortController>();
  #idleTimer: NodeJS.Timeout | undefined;
  #hasFiles = false;
  #hasLiveSessions = false;
  #isSpeaking = false;
  #limits: ModelLimits = {};

  constructor(deps: EngineDeps) {
    this.#deps = deps;
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
    const { openAudio, fingerprintOf, send } = deps;
    this.#files = new FileRuns({
      models: this.#models,
      scheduler: this.#scheduler,
      rowsFor: (model, options) => this.#rowsFor(model, options),
      ...{ openAudio, fingerprintOf, send },
      onBusy: (busy) => {
        this.#hasFiles = busy;
        this.#scheduleCacheClear();
      },
      onEnded: () => this.#sendFigures(),
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
      ...{ openAudio, send },
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
      case 'keep':
        this.#models.keep(message.dirs);
        return;
      case 'unload':
        this.#models.unload();
        return;
      case 'run':
        this.#files.run(message);
        return;
      case 'prefetch':
        this.#files.prefetch(message.path);
        return;
      case 'cancel':
        this.#files.cancel(message.job);
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
      case 'shutdown':
        void this.#close();
        return;
    }
  }

  async #close(): Promise<void> {
    for (const load of this.#loads.values()) load.abort();
    await Promise.all([this.#files.close(), this.#live.close(), this.#speeches.close()]);
    this.#models.close();
    this.#deps.exit();
  }

  #scheduleCacheClear(): void {
    clearTimeout(this.#idleTimer);
    if (this.#hasFiles || this.#hasLiveSessions || this.#isSpeaking) return;
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

  #rowsFor(model: Recognizer, options: TranscribeOptions): number {
    const { maxBytes, fileBatchSize } = this.#limits;
    const fitting = this.#deps.fileRows?.(model, options, maxBytes);
    return fitting === undefined ? 1 : (fileBatchSize ?? fitting);
  }

  async #load({ requestId, isDefault = true, model, fallbacks, alongside }: Load): Promise<void> {
    const cancelled = new AbortController();
    this.#loads.set(requestId, cancelled);
    try {
      const { signal } = cancelled;
      const loaded = isDefault
        ? await this.#models.pin(model, fallbacks, signal)
        : await this.#models.load(model, signal, alongside);
      this.#deps.send({ type: 'loaded', requestId, model: loaded });
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
}

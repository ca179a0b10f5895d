/** What the sessions see of the engine: somebody who runs one job at a time, listens to several speakers, and reports. */
import type { SottoError } from '../protocol/errors.js';
import type { EngineSummary, DecodeStep, ModelRef, Refined } from '../protocol/ipc.js';
import type { LiveCheckpoint, LiveOptions } from '../protocol/live.js';
import type { EngineStatus, ModelStatus } from '../protocol/status.js';
import type { TranscribeEvent, TranscribeOptions } from '../protocol/transcription.js';

export interface EngineJob {
  readonly path: string;
  readonly model: ModelRef;
  readonly options: TranscribeOptions;
}

/** `done`, `failed`, `cancelled` and `lost` are the last report of a job; exactly one of them comes. */
export type JobReport =
  | { type: 'waiting'; for: 'engine' | 'model' }
  | { type: 'opened'; durationSeconds?: number }
  | { type: 'event'; event: TranscribeEvent }
  | { type: 'done'; summary: EngineSummary }
  | { type: 'failed'; error: SottoError }
  | { type: 'cancelled' }
  /** The engine process died or was put down with the job in it; the job may be run again. */
  | { type: 'lost'; error: SottoError };

export interface RunningJob {
  /** Asks the engine to stop; it is free again once the last report has come. */
  cancel(): void;
}

export interface EngineLive {
  readonly model: ModelRef;
  readonly options: LiveOptions;
  /** Number of the first sample that it will be given. */
  readonly fromSample: number;
  /** Where another engine was. */
  readonly checkpoint?: LiveCheckpoint;
  /** Looks tell only where somebody speaks. */
  readonly voiceOnly?: boolean;
}

/** `done`, `failed` and `lost` are the last report of a session; one of them comes, unless it is cancelled. */
export type LiveReport =
  | { type: 'waiting'; for: 'engine' }
  /** Audio may come. */
  | { type: 'opened' }
  | { type: 'voice'; speaking: boolean }
  | { type: 'update'; step: DecodeStep }
  | { type: 'done'; step: DecodeStep; refined?: Refined }
  | { type: 'failed'; error: SottoError }
  /** The engine process died or was put down: another one may go on from the last checkpoint. */
  | { type: 'lost'; error: SottoError };

/** Before `opened` and after the last report its calls do nothing. */
export interface RunningLive {
  /** s16le mono 16 kHz, without gaps. */
  audio(pcm: Uint8Array): void;
  finish(): void;
  /** No report follows. */
  cancel(): void;
}

export interface Engine {
  /** Only one job at a time: the caller waits for the last report before it runs the next. */
  run(job: EngineJob, onReport: (report: JobReport) => void): RunningJob;
  /** The file of the job that most likely comes next, undefined if none waits: it may be opened meanwhile. */
  prefetch?(path: string | undefined): void;
  /** Several at once. */
  live(request: EngineLive, onReport: (report: LiveReport) => void): RunningLive;
  status(): EngineStatus;
}

/** The models that the engine holds. */
export interface ModelEngine {
  /** The model for speech that goes on now, where none is named: nobody waits for a better one. Undefined until one was chosen. */
  readonly serving: ModelRef | undefined;
  /** The model for work that may wait for the one that was chosen. */
  readonly chosen: ModelRef | undefined;
  /**
   * Has a model in memory for those who name none, from now on; the one before it serves until this one is ready.
   * @returns what is ready: one of `instead`, in order, where the model does not fit into memory
   * @throws SottoError why neither is; what served before goes on. CANCELLED once `signal` is aborted: then nothing changes
   */
  use(model: ModelRef, options?: UseOptions): Promise<ModelStatus>;
  /** Frees every model that nobody works with, and the others once they are let go of; whoever asks next has it loaded anew. */
  unload(): void;
  /** Tells of the models in memory or on their way there, at each change. @returns what ends that */
  watchModels(listener: (models: readonly ModelStatus[]) => void): () => void;
}

export interface UseOptions {
  /** Smaller ones, from the best down. */
  readonly fallbacks?: readonly ModelRef[];
  readonly signal?: AbortSignal;
}

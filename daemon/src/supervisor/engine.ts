/** The engine as the sessions use it: runs one file job at a time and several live sessions, and reports. */
import type { SottoError } from '../protocol/errors.js';
import type { Codes, EncodeSummary } from '../protocol/codec.js';
import type {
  SpeechSource,
  DecodeStep,
  EngineSummary,
  FileWork,
  ModelRef,
  Refined,
} from '../protocol/ipc.js';
import type { SessionCheckpoint, LiveOptions } from '../protocol/live.js';
import type { AnswerEvent, ConversationSummary } from '../protocol/conversation.js';
import type { SpokenText, SynthesisSummary } from '../protocol/synthesis.js';
import type { EngineStatus, ModelStatus } from '../protocol/status.js';
import type { TranscribeEvent } from '../protocol/transcription.js';

export interface EngineJob {
  readonly path: string;
  readonly model: ModelRef;
  readonly work: FileWork;
}

/** Exactly one of `done`, `encoded`, `failed`, `cancelled` and `lost` ends a job. */
export type JobReport =
  | { type: 'waiting'; for: 'engine' | 'model' }
  | { type: 'opened'; durationSeconds?: number }
  | { type: 'event'; event: TranscribeEvent }
  | { type: 'done'; summary: EngineSummary }
  /** `seconds`: audio encoded so far. */
  | { type: 'codes'; codes: Codes; seconds: number }
  | { type: 'encoded'; summary: EncodeSummary }
  | { type: 'failed'; error: SottoError }
  | { type: 'cancelled' }
  /** The engine process died or was killed during the job, which may run again. */
  | { type: 'lost'; error: SottoError };

export interface RunningJob {
  /** Asks the engine to stop; it is free once the last report has come. */
  cancel(): void;
}

export interface EngineStreamRequest {
  readonly model: ModelRef;
  /** Fails with INSUFFICIENT_MEMORY if the model is not loaded and the two don't fit together. */
  readonly alongside?: ModelRef;
  readonly options: LiveOptions;
  /** Number of the first sample that it will receive. */
  readonly fromSample: number;
  /** Where another engine stopped. */
  readonly checkpoint?: SessionCheckpoint;
  /** Detect voice only. */
  readonly voiceOnly?: boolean;
}

/** One of `done`, `failed` and `lost` ends a session, unless it is cancelled. */
export type EngineStreamReport =
  | { type: 'waiting'; for: 'engine' }
  /** The session accepts audio. */
  | { type: 'opened' }
  | { type: 'voice'; speaking: boolean }
  | { type: 'update'; step: DecodeStep }
  | { type: 'done'; step: DecodeStep; refined?: Refined }
  | { type: 'failed'; error: SottoError }
  /** The engine process died or was killed: another one may continue from the last checkpoint. */
  | { type: 'lost'; error: SottoError };

/** Its methods do nothing before `opened` and after the last report. */
export interface EngineStream {
  /** s16le mono 16 kHz, without gaps. */
  audio(pcm: Uint8Array): void;
  finish(): void;
  /** No report follows. */
  cancel(): void;
}

export interface EngineSpeechRequest {
  readonly model: ModelRef;
  readonly source: SpeechSource;
}

/** One of `done`, `answered` (for turns), `failed` and `lost` ends a speech, unless it is cancelled. */
export type EngineSpeechReport =
  | { type: 'waiting'; for: 'engine' }
  /** The model is loaded. Sample rate in Hz; 0 for an answer without audio. */
  | { type: 'opened'; sampleRate: number }
  /** A part of an answer besides its audio. */
  | { type: 'answer'; event: AnswerEvent }
  | { type: 'audio'; firstSample: number; samples: Float32Array; spoken?: SpokenText }
  | { type: 'done'; summary: SynthesisSummary }
  | { type: 'answered'; summary: ConversationSummary }
  | { type: 'failed'; error: SottoError }
  /** The engine process died or was killed: another one gives the same audio, or answer, from the start. */
  | { type: 'lost'; error: SottoError };

export interface EngineSpeech {
  /** The listener has these samples, from the start of the speech; the engine works only a few seconds ahead. */
  acknowledge(samples: number): void;
  /** No report follows. */
  cancel(): void;
}

export interface Engine {
  /** One job at a time: the caller waits for the last report before it runs the next. */
  run(job: EngineJob, onReport: (report: JobReport) => void): RunningJob;
  /** Announces the file of the next job, which may be opened early; undefined if none is queued. */
  prefetch?(path: string | undefined): void;
  /** Several at once. */
  openStream(request: EngineStreamRequest, onReport: (report: EngineStreamReport) => void): EngineStream;
  /** Several at once. Absent if the engine only transcribes. */
  openSpeech?(request: EngineSpeechRequest, onReport: (report: EngineSpeechReport) => void): EngineSpeech;
  status(): EngineStatus;
}

/** The models in the engine. */
export interface ModelEngine {
  /**
   * The default model that can serve live speech now, without a wait for a better one. Undefined until one was
   * chosen.
   */
  readonly serving: ModelRef | undefined;
  /** The default model for work that may wait for it to load. */
  readonly chosen: ModelRef | undefined;
  /**
   * Makes a model the default one; the previous one serves until it is ready.
   * @returns the model that is ready: the first of `fallbacks` that fits if the model does not fit into memory
   * @throws SottoError why none could be loaded; the previous model keeps serving. CANCELLED once `signal` is
   *   aborted: nothing has changed then
   */
  use(model: ModelRef, options?: UseOptions): Promise<ModelStatus>;
  /**
   * Models besides the default one, which stay in memory once they are loaded.
   *
   * @param preloaded one of them that each engine process loads with the default one, if both fit
   */
  keep(models: readonly ModelRef[], preloaded?: ModelRef): void;
  /** Frees the unused models now, the others once they are released; the next use loads them again. */
  unload(): void;
  /** Calls `listener` with the models in memory or loading, after each change. @returns unsubscribes it */
  watchModels(listener: (models: readonly ModelStatus[]) => void): () => void;
}

export interface UseOptions {
  /** Default true; false: only loads the model, for a task of its own. */
  readonly isDefault?: boolean;
  /** Smaller models, the best one first. */
  readonly fallbacks?: readonly ModelRef[];
  readonly signal?: AbortSignal;
}

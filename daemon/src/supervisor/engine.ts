/** What the sessions see of the engine: somebody who runs one job at a time and reports on it. */
import type { SottoError } from '../protocol/errors.js';
import type { EngineSummary, ModelRef } from '../protocol/ipc.js';
import type { EngineStatus } from '../protocol/status.js';
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

export interface Engine {
  /** Only one job at a time: the caller waits for the last report before it runs the next. */
  run(job: EngineJob, onReport: (report: JobReport) => void): RunningJob;
  status(): EngineStatus;
}

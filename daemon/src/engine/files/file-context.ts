/** What a file job works with, whatever its task. */
import type { AudioStream } from '#daemon/models/speech-model.js';
import type { FromEngine } from '#daemon/protocol/ipc.js';
import type { ComputeScheduler } from '../compute-scheduler.js';
import type { ModelLease } from '../loaded-model.js';

export interface OpenedAudio extends AudioStream {
  close(): Promise<void>;
}

/** @param sampleRate Hz; 16,000 if omitted */
export type OpenAudio = (path: string, sampleRate?: number) => Promise<OpenedAudio>;

export interface FileContext {
  readonly job: number;
  /** Opens the file. @param sampleRate Hz; 16,000 if omitted */
  readonly open: (sampleRate?: number) => Promise<OpenedAudio>;
  /** The load may still be under way. */
  readonly loading: Promise<ModelLease>;
  /** Of the model that aligns the words, if one was asked for. */
  readonly loadingAligner?: Promise<ModelLease>;
  readonly scheduler: ComputeScheduler;
  readonly signal: AbortSignal;
  readonly send: (message: FromEngine) => void;
}

/** Closes the audio after `work`, and as soon as the job is cancelled: a reader that waits for its decoder would not see it. */
export async function withAudio<T>(
  audio: OpenedAudio,
  signal: AbortSignal,
  work: () => Promise<T>,
): Promise<T> {
  const stop = (): void => void audio.close().catch(() => undefined);
  signal.addEventListener('abort', stop, { once: true });
  try {
    return await work();
  } finally {
    signal.removeEventListener('abort', stop);
    await audio.close();
  }
}

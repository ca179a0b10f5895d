/** What every family of speech models offers; the engine knows nothing else of them. */
import type { LiveCheckpoint, LiveSpeech, LiveSpeechOptions } from './streaming/live-speech.js';
import type { TranscribeEvent, TranscribeOptions, TranscribeResult } from '#daemon/protocol/transcription.js';

export type {
  Segment,
  TranscribeEvent,
  TranscribeOptions,
  TranscribeResult,
} from '#daemon/protocol/transcription.js';

/** Audio as models take it: 16 kHz, one channel, in chunks of any size. */
export interface AudioStream {
  /** Known or estimated length; undefined for a stream whose end is not in sight. */
  readonly durationSeconds: number | undefined;
  /** Read once, from start to end. */
  readonly samples: AsyncIterable<Float32Array>;
}

/** What a warm-up tells of the machine. */
export interface WarmUpResult {
  /** 10⁹ floating-point operations a second that a window took, once its kernels were there. Absent on the CPU. */
  readonly gflops?: number;
}

/** A loaded model. It runs one transcription, or one look of a live session, at a time. */
export interface SpeechModel {
  /** What the user calls it: the name of its folder. */
  readonly name: string;
  readonly family: string;
  /** What its weights take on the device: counted, not predicted; for that there is `footprintOf`. */
  readonly weightBytes: number;
  /** What each window of a file takes that is decoded with others; absent where windows are decoded one by one. */
  readonly batchRowBytes?: number;

  /**
   * Transcribes a stream, telling what happens as it goes. Ending the iteration early frees everything.
   *
   * @throws SottoError CANCELLED soon after `signal` is aborted.
   */
  transcribe(
    audio: AudioStream,
    options: TranscribeOptions,
    signal: AbortSignal,
  ): AsyncGenerator<TranscribeEvent, TranscribeResult>;

  /**
   * Speech that is going on: absent where the family cannot do that. Sessions hold no weights and may be many.
   *
   * @param from where another session of the same model and options was, in whatever process
   * @throws SottoError INVALID_ARGUMENT for a checkpoint of something else
   */
  live?(options: LiveSpeechOptions, from?: LiveCheckpoint): LiveSpeech;

  /**
   * Runs each shape of its work once, so that nobody waits for the kernels of one. Left out by families whose transcript
   * of a second of silence does so.
   *
   * @param onProgress called with the part that is done, 0 … 1
   * @throws SottoError CANCELLED soon after `signal` is aborted
   */
  warmUp?(signal: AbortSignal, onProgress: (fraction: number) => void): Promise<WarmUpResult>;

  /** Frees the weights. */
  dispose(): void;
}

export interface LoadOptions {
  readonly signal?: AbortSignal;
  /** Called with the part of the weights that is in memory, 0 … 1. */
  readonly onProgress?: (fraction: number) => void;
}

/** The interface of live sessions, implemented by every family that can stream. */
import type { LanguageEvidence } from '#daemon/protocol/ipc.js';
import type { TranscribeOptions, TranscribeResult, Word } from '#daemon/protocol/transcription.js';

/** Without a language, it is detected from the first seconds of speech. */
export type LiveSpeechOptions = Pick<TranscribeOptions, 'language' | 'initialPrompt' | 'hotwords'>;

/** The result of one decode step. */
export interface LiveUpdate {
  /** Words committed since the previous update, with times in seconds from the start of the session. */
  readonly committed: readonly Word[];
  /** The text after it, which may still change or disappear. */
  readonly tentative: string;
  /** Present once it is known. */
  readonly language?: string;
  /** Of a model that detects the language: that of this decode step, during the first seconds of speech. */
  readonly evidence?: LanguageEvidence;
  /** For VAD-only sessions: speech probability of each 32 ms since the previous update. */
  readonly voice?: readonly number[];
}

/** Everything another process needs to continue exactly from here: plain JSON of a few KB. */
export interface LiveCheckpoint {
  /** The first sample of the session that is still needed. */
  readonly fromSample: number;
  readonly state: unknown;
}

/**
 * The same audio with updates at the same samples gives the same words, whatever the sizes of the pushed chunks, also
 * across a checkpoint.
 */
export interface LiveSpeech {
  /** Appends 16 kHz mono samples, after a checkpoint those from its `fromSample` on. Computes nothing. */
  push(samples: Float32Array): void;

  /** Decodes the pushed audio. One call at a time. @throws SottoError CANCELLED, ENGINE_CRASHED */
  update(signal: AbortSignal): Promise<LiveUpdate>;

  /** Commits the remaining text; no audio follows. */
  finish(signal: AbortSignal): Promise<LiveUpdate>;

  /**
   * After `finish`: decodes the whole dictation again, free of words that were committed too early, far cheaper than a
   * new transcription. Undefined if the dictation is too long or the text is implausible. @throws SottoError CANCELLED
   */
  refine?(signal: AbortSignal): Promise<TranscribeResult | undefined>;

  /** Whether the last decoded audio ends in speech. */
  readonly speaking: boolean;

  /** Whether anything was committed in the session. */
  readonly hasText: boolean;

  /** After `finish`: whether a decode of the whole session should replace its committed text. */
  prefers(decoded: TranscribeResult): boolean;

  /** Valid after an update. */
  checkpoint(): LiveCheckpoint;

  dispose(): void;
}

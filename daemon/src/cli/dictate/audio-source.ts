/** Where the sound of a dictation comes from: a microphone, or a file that is read as if it were spoken. */
import type { SottoError } from '../../protocol/errors.js';

export interface SourceListener {
  /** 16 kHz mono. */
  pcm(samples: Int16Array): void;
  /** No more comes: it was stopped, or it is over. */
  end(): void;
  /** No more comes, and this is why. What came before is good. */
  failed(error: SottoError): void;
}

export interface AudioSourceInfo {
  /** What it is, for people. */
  readonly name: string;
  /** What was wanted, and is not there. */
  readonly fallbackFor?: string;
  readonly durationSeconds?: number;
}

export interface AudioSource {
  /** Whether somebody speaks into it now. */
  readonly isLive: boolean;
  /** Whether it comes as it is spoken, no faster. */
  readonly isRealTime: boolean;
  /** @throws SottoError MIC_UNAVAILABLE, AUDIO_NOT_FOUND … */
  open(): Promise<AudioSourceInfo>;
  /** Once, when it is open. */
  start(listener: SourceListener): void;
  /** What was heard until now still comes, and then the end. */
  stop(): void;
}

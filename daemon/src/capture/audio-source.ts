/** The source of a dictation's audio: a microphone, or a file that is read in real time. */
import type { SottoError } from '../protocol/errors.js';

export interface SourceListener {
  /** 16 kHz mono. */
  pcm(samples: Int16Array): void;
  /** No more audio comes: the source was stopped, or has ended. */
  end(): void;
  /** No more audio comes, because of this error. Earlier audio is valid. */
  failed(error: SottoError): void;
}

export interface AudioSourceInfo {
  /** For people. */
  readonly name: string;
  /** The requested device, if it isn't connected. */
  readonly fallbackFor?: string;
  readonly durationSeconds?: number;
}

export interface AudioSource {
  /** Whether it is a microphone. */
  readonly isLive: boolean;
  /** Whether audio arrives no faster than real time. */
  readonly isRealTime: boolean;
  /** @throws SottoError MIC_UNAVAILABLE, AUDIO_NOT_FOUND … */
  open(): Promise<AudioSourceInfo>;
  /** Called once, when the source is open. */
  start(listener: SourceListener): void;
  /** Audio recorded until now still arrives, then the end. */
  stop(): void;
}

/** Transcribes a file: in the daemon or in an engine of this process, with the same events. */
import type { JobEvent } from '../protocol/messages.js';
import type { TranscribeOptions } from '../protocol/transcription.js';

export interface TranscriberCall {
  readonly signal: AbortSignal;
  readonly model?: string;
}

export interface Transcriber {
  /** @throws SottoError */
  transcribe(path: string, options: TranscribeOptions, call: TranscriberCall): AsyncGenerator<JobEvent, void>;
  close(): Promise<void>;
}

/** Where a command gets its text from: a daemon, or an engine of its own. Both give the same events. */
import type { JobEvent } from '../../protocol/messages.js';
import type { TranscribeOptions } from '../../protocol/transcription.js';

export interface TranscriberCall {
  readonly signal: AbortSignal;
  readonly model?: string;
}

export interface Transcriber {
  /** @throws SottoError */
  transcribe(path: string, options: TranscribeOptions, call: TranscriberCall): AsyncGenerator<JobEvent, void>;
  close(): Promise<void>;
}

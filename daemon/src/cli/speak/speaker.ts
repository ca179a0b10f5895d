/** Makes audio through the daemon, or with an engine of this command. */
import type { SpeechEvent } from '../../client/index.js';
import type { AudioOnlySource } from '../../protocol/ipc.js';

export interface SpeakRequest {
  readonly source: AudioOnlySource;
  /** Name or absolute folder; the chosen model if omitted. */
  readonly model?: string;
  readonly signal: AbortSignal;
}

export interface Speaker {
  /** Audio that was read counts as played. @throws SottoError the error of the speech; CANCELLED */
  speak(request: SpeakRequest): AsyncGenerator<SpeechEvent, void>;
  close(): Promise<void>;
}

/** Speaks texts through the daemon, or with an engine of this command. */
import type { SpeechEvent } from '../../client/index.js';
import type { SynthesisOptions } from '../../protocol/synthesis.js';

export interface SpeakRequest {
  readonly text: string;
  readonly options: SynthesisOptions;
  /** Name or absolute folder; the default model if omitted. */
  readonly model?: string;
  readonly signal: AbortSignal;
}

export interface Speaker {
  /** Audio that was read counts as played. @throws SottoError the error of the speech; CANCELLED */
  speak(request: SpeakRequest): AsyncGenerator<SpeechEvent, void>;
  close(): Promise<void>;
}

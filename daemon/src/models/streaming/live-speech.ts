/** Text from speech while it is spoken: what every family that can stream offers. */
import type { Word } from '#daemon/protocol/transcription.js';

/** What one look at the audio gave. */
export interface LiveUpdate {
  /** Said for good since the update before: words with times in seconds from the start of the session. */
  readonly committed: readonly Word[];
  /** What seems to follow it; may change or go. */
  readonly tentative: string;
  /** Once it is known. */
  readonly language?: string;
}

export interface LiveSpeech {
  /** Takes what was just spoken, 16 kHz mono. Costs nothing but memory until `update`. */
  push(samples: Float32Array): void;

  /** Looks at what was pushed. One at a time. @throws SottoError CANCELLED, ENGINE_CRASHED */
  update(signal: AbortSignal): Promise<LiveUpdate>;

  /** Nothing more will be said: commits all that is left. */
  finish(signal: AbortSignal): Promise<LiveUpdate>;

  /** Whether somebody speaks now, as far as was pushed. */
  readonly speaking: boolean;

  dispose(): void;
}

/** Text from speech while it is spoken: what every family that can stream offers. */
import type { TranscribeOptions, TranscribeResult, Word } from '#daemon/protocol/transcription.js';

/** Detected from the first seconds of speech, when no language is given. */
export type LiveSpeechOptions = Pick<TranscribeOptions, 'language' | 'initialPrompt' | 'hotwords'>;

/** What one look at the audio gave. */
export interface LiveUpdate {
  /** Said for good since the update before: words with times in seconds from the start of the session. */
  readonly committed: readonly Word[];
  /** What seems to follow it; may change or go. */
  readonly tentative: string;
  /** Once it is known. */
  readonly language?: string;
  /** Of what listens for nothing else: how probable voice is, for each 32 ms since the update before. */
  readonly voice?: readonly number[];
}

/** All that another process needs to go on exactly from here: plain JSON of a few KB. */
export interface LiveCheckpoint {
  /** The first sample of the session that is still needed. */
  readonly fromSample: number;
  readonly state: unknown;
}

/**
 * The same audio, looked at in the same places, gives the same words, whatever the pieces it is pushed in; also across a
 * checkpoint.
 */
export interface LiveSpeech {
  /** Takes what was just spoken, 16 kHz mono; at first, the samples from the checkpoint's `fromSample` on. Costs only memory. */
  push(samples: Float32Array): void;

  /** Looks at what was pushed. One at a time. @throws SottoError CANCELLED, ENGINE_CRASHED */
  update(signal: AbortSignal): Promise<LiveUpdate>;

  /** Nothing more will be said: commits all that is left. */
  finish(signal: AbortSignal): Promise<LiveUpdate>;

  /**
   * After `finish`: the whole take decoded once more, without what was committed too early. Far cheaper than another
   * transcription, where it can be had: undefined where the take is too long, or the text looks wrong. @throws SottoError CANCELLED
   */
  refine?(signal: AbortSignal): Promise<TranscribeResult | undefined>;

  /** Whether somebody spoke at the end of what was looked at. */
  readonly speaking: boolean;

  /** Mean natural-log probability of all tokens committed in the session; undefined before the first. */
  readonly meanLogprob: number | undefined;

  /** To be taken after an update. */
  checkpoint(): LiveCheckpoint;

  dispose(): void;
}

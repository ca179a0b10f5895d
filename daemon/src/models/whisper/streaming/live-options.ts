/** What a live session is given, by users and by who measures. */
import type { Hypothesis } from '../../streaming/hypothesis.js';
import type { LiveSpeechOptions } from '../../streaming/live-speech.js';

import type { Guess } from './hypothesize.js';
import type { LiveManner } from './manner.js';

export interface LiveOptions extends LiveSpeechOptions {
  /** What is left out is as for the model. */
  readonly manner?: Partial<LiveManner>;
  /** Told of each look, for who measures. */
  readonly onLook?: (look: LookReport) => void;
}

export interface LookReport {
  /** Seconds from the start of the session at which the window begins. */
  readonly startSeconds: number;
  readonly encodedFrames: number;
  readonly guess: Guess;
  readonly hypothesis: Hypothesis;
  /** Tokens of the window that were certain. */
  readonly committed: number;
}

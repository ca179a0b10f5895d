/** What a live session is given, by users and by who measures. */
import type { Hypothesis } from '../../streaming/hypothesis.js';
import type { LiveSpeechOptions } from '../../streaming/live-speech.js';

import type { RawHypothesis } from './hypothesize.js';
import type { StreamingConfig } from './streaming-config.js';

export interface LiveOptions extends LiveSpeechOptions {
  /** What is left out is as for the model. */
  readonly config?: Partial<StreamingConfig>;
  /** Told of each look, for who measures. */
  readonly onDecodeStep?: (report: DecodeStepReport) => void;
}

interface DecodeStepReport {
  /** Seconds from the start of the session at which the window begins. */
  readonly startSeconds: number;
  readonly encodedFrames: number;
  readonly rawHypothesis: RawHypothesis;
  readonly hypothesis: Hypothesis;
  /** Tokens of the window that were certain. */
  readonly committed: number;
}

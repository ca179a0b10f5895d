/** Options of a live session, those for benchmarks included. */
import type { Hypothesis } from '../../streaming/hypothesis.js';
import type { LiveSpeechOptions } from '../../streaming/live-speech.js';

import type { RawHypothesis } from './hypothesize.js';
import type { StreamingConfig } from './streaming-config.js';

export interface LiveWhisperOptions extends LiveSpeechOptions {
  /** Overrides of the model's configuration. */
  readonly config?: Partial<StreamingConfig>;
  /** Called after each decode step, for benchmarks. */
  readonly onDecodeStep?: (report: DecodeStepReport) => void;
}

interface DecodeStepReport {
  /** Seconds from the start of the session at which the window begins. */
  readonly startSeconds: number;
  readonly encodedFrames: number;
  readonly rawHypothesis: RawHypothesis;
  readonly hypothesis: Hypothesis;
  /** Number of committed tokens of the window. */
  readonly committed: number;
}

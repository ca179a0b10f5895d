/** How a model is heard while somebody speaks. Chosen by measurement (../../README.md). */
import { type CommitPolicy, type Shown, sureWords } from '../../streaming/policy.js';
import type { WhisperConfig } from '../config.js';
import type { WindowLength } from '../short-window.js';

export interface LiveManner {
  readonly policy: CommitPolicy;
  /** How much is encoded, in mel frames. */
  readonly window: WindowLength;
  /** A window that is longer begins anew behind what is committed. */
  readonly longestSeconds: number;
  /** Tokens of what was said before that lead a window. */
  readonly promptTokens: number;
  readonly shown: Shown;
}

const USUAL: LiveManner = {
  // The more probable a word is, the sooner it is believed; what is behind it has to wait, so at last it is taken anyway.
  policy: sureWords(
    { frames: 25, probability: 0.95 },
    { frames: 15, looks: 2, probability: 0.6 },
    { frames: 20, looks: 3, probability: 0.4 },
    { frames: 60, looks: 2, probability: 0.15 },
    { frames: 100, looks: 2 },
  ),
  // Not the 30 s that the encoder learnt on, or every look would cost as much as half a minute. Below 10 s, or with less
  // than a second of silence behind the speech, small models lose the end and say the sentence again.
  window: { least: 1000, silence: 100, step: 200 },
  longestSeconds: 12,
  promptTokens: 64, // enough for style and names, and cheap
  shown: { afterSeconds: 1, edgeFrames: 6, probability: 0.5, firstProbability: 0.1 },
};

export function mannerOf(_config: WhisperConfig): LiveManner {
  return USUAL;
}

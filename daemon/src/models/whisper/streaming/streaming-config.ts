/** How a model is heard while somebody speaks. Chosen by measurement where there is one (../../README.md). */
import { type CommitPolicy, type TentativeThresholds, commitWhen } from '../../streaming/commit-policy.js';
import type { WhisperConfig } from '../config.js';
import { type WindowLength, windowFrames } from '../encode/short-window.js';

export interface StreamingConfig {
  readonly policy: CommitPolicy;
  /** How much is encoded, in mel frames. */
  readonly window: WindowLength;
  /** A window that is longer begins anew, behind some of what is committed. */
  readonly maxWindowSeconds: number;
  /** Tokens of what was said before that lead a window. */
  readonly promptTokens: number;
  readonly tentativeThresholds: TentativeThresholds;
}

/** Tiny and base, as measured. */
const NARROW_MODEL_CONFIG: StreamingConfig = {
  // The more probable a word is, the sooner it is believed. What is behind it has to wait, so at last it is taken anyway.
  policy: commitWhen(
    { frames: 25, probability: 0.95 },
    { frames: 15, agreementCount: 2, probability: 0.5 },
    { frames: 20, agreementCount: 3, probability: 0.3 },
    { frames: 50, agreementCount: 3 },
    { frames: 90, agreementCount: 2 },
    { frames: 125 },
  ),
  // Not the 30 s that the encoder learnt on, or every look would cost as much as half a minute. In shorter windows than 8 s,
  // or with less than a second of silence behind the speech, these models say the sentence again more often than not.
  window: { minFrames: 800, silence: 100, step: 100 },
  maxWindowSeconds: 12,
  promptTokens: 64, // enough for style and names, and cheap
  tentativeThresholds: { minAudioSeconds: 1, edgeFrames: 6, probability: 0.5, minFirstProbability: 0.1 },
};

/**
 * Small, medium, large, turbo. Their text has not been measured: with this policy base writes as many words wrong in windows of
 * 8 to 30 s (../../README.md), and a window of 10 s costs a large encoder a third. Other systems lose most with few decoder
 * layers behind a large encoder, where a word is committed by what it looks at alone: here it has to be said twice.
 */
export const WIDE_MODEL_CONFIG: StreamingConfig = {
  ...NARROW_MODEL_CONFIG,
  policy: commitWhen(
    { frames: 20, agreementCount: 2, probability: 0.6 },
    { frames: 30, agreementCount: 3, probability: 0.3 },
    { frames: 100, agreementCount: 2 },
    { frames: 150 },
  ),
  window: { minFrames: 1000, silence: 100, step: 200 },
};

/** The width of base. */
const BASE_WIDTH = 512;

export function streamingConfigFor({ nTextState }: Pick<WhisperConfig, 'nTextState'>): StreamingConfig {
  return nTextState <= BASE_WIDTH ? NARROW_MODEL_CONFIG : WIDE_MODEL_CONFIG;
}

const FRAMES_PER_SECOND = 100;

/** The longest window that speech is decoded in while it is being spoken, in mel frames. */
export function maxLiveFrames(config: Pick<WhisperConfig, 'nTextState'>): number {
  const { maxWindowSeconds, window } = streamingConfigFor(config);
  return windowFrames(maxWindowSeconds * FRAMES_PER_SECOND, window);
}

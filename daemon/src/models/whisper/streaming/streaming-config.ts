/** Parameters of live sessions by model size, chosen by measurement where there is one (../../NOTES.md). */
import { type CommitPolicy, type TentativeThresholds, commitWhen } from '../../streaming/commit-policy.js';
import { type Backend, currentBackend } from '../../memory/backend.js';
import type { WhisperConfig } from '../whisper-config.js';
import { type WindowLength, windowFrames } from '../encode/short-window.js';

export interface StreamingConfig {
  readonly policy: CommitPolicy;
  /** Window lengths for the encoder. */
  readonly window: WindowLength;
  /** A longer window is cut after some of its committed text. */
  readonly maxWindowSeconds: number;
  /** Tokens of earlier text in the prompt. */
  readonly promptTokens: number;
  readonly tentativeThresholds: TentativeThresholds;
}

/** Tiny and base: measured. */
const NARROW_MODEL_CONFIG: StreamingConfig = {
  // The more probable a word, the sooner it is committed. Words after it wait for it, so any word is committed eventually.
  policy: commitWhen(
    { edgeFrames: 20, probability: 0.95 },
    { edgeFrames: 15, agreementCount: 2, probability: 0.5 },
    { edgeFrames: 20, agreementCount: 3, probability: 0.3 },
    { edgeFrames: 50, agreementCount: 3 },
    { edgeFrames: 80, agreementCount: 2 },
    { edgeFrames: 110 },
  ),
  // Not the 30 s that the encoder was trained on, or each decode step would cost as much as half a minute. In windows below
  // 8 s, or with less than a second of silence after the speech, these models usually repeat the sentence.
  window: { minFrames: 800, silence: 100, step: 100 },
  maxWindowSeconds: 12,
  promptTokens: 64, // enough for style and names, and cheap
  tentativeThresholds: { minAudioSeconds: 1, edgeFrames: 6, probability: 0.5, minFirstProbability: 0.1 },
};

/**
 * Small, medium, large, turbo. Their text has not been measured: with this policy base has equal word errors in windows of
 * 8 to 30 s (../../NOTES.md), and a window of 10 s costs a large encoder a third. Other systems lose most with few decoder
 * layers after a large encoder, if attention alone commits a word; here two decode steps must agree on it.
 */
export const WIDE_MODEL_CONFIG: StreamingConfig = {
  ...NARROW_MODEL_CONFIG,
  policy: commitWhen(
    { edgeFrames: 20, agreementCount: 2, probability: 0.6 },
    { edgeFrames: 30, agreementCount: 3, probability: 0.3 },
    { edgeFrames: 100, agreementCount: 2 },
    { edgeFrames: 150 },
  ),
  window: { minFrames: 1000, silence: 100, step: 200 },
};

/** The width of base. */
const BASE_WIDTH = 512;

/**
 * Of tiny and base on a GPU: twice the audio before the words that are decoded. Of the open long form 113 instead of 126 words
 * are wrong; on two CPU cores the encoder is too slow for it (../../NOTES.md).
 */
const NARROW_MODEL_GPU_CONFIG: StreamingConfig = { ...NARROW_MODEL_CONFIG, maxWindowSeconds: 24 };

/** @param backend where the model runs; this process's device by default */
export function streamingConfigFor(
  { nTextState }: Pick<WhisperConfig, 'nTextState'>,
  backend: Backend = currentBackend(),
): StreamingConfig {
  if (nTextState > BASE_WIDTH) return WIDE_MODEL_CONFIG;
  return backend === 'gpu' ? NARROW_MODEL_GPU_CONFIG : NARROW_MODEL_CONFIG;
}

const FRAMES_PER_SECOND = 100;

/** The longest window of a live session, in mel frames. */
export function maxLiveFrames(config: Pick<WhisperConfig, 'nTextState'>, backend?: Backend): number {
  const { maxWindowSeconds, window } = streamingConfigFor(config, backend);
  return windowFrames(maxWindowSeconds * FRAMES_PER_SECOND, window);
}

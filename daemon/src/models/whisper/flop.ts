/** Floating-point operations of a window, from a model's dimensions: products and attention; norms and GELU add little. */
import type { WhisperConfig } from './config.js';

type Dimensions = Pick<
  WhisperConfig,
  'nMels' | 'nAudioState' | 'nAudioLayer' | 'nTextState' | 'nTextLayer' | 'nVocab'
>;

/** One window of so many mel frames: the encoder, and the keys and values that cross-attention reads of it. */
export function windowFlop(config: Dimensions, melFrames: number): number {
  const { nMels, nAudioState: d, nAudioLayer, nTextState, nTextLayer } = config;
  const positions = Math.ceil(melFrames / 2);
  const convolutions = 2 * melFrames * 3 * nMels * d + 2 * positions * 3 * d * d;
  const weights = 2 * positions * 12 * d * d; // query, key, value, out: 4 d²; the MLP: 8 d²
  const attention = 4 * positions * positions * d;
  const crossKeysValues = nTextLayer * 2 * (2 * positions * d * nTextState);
  return convolutions + nAudioLayer * (weights + attention) + crossKeysValues;
}

/** Weights that a token reads: own attention 4 d², cross-attention's query and out 2 d², the MLP 8 d², the output layer. */
export function tokenWeights({ nTextState: d, nTextLayer, nVocab }: Dimensions): number {
  return nTextLayer * 14 * d * d + nVocab * d;
}

/** Numbers that a token reads of such a window: cross-attention's keys and values. */
export function tokenMemory({ nTextState, nTextLayer }: Dimensions, melFrames: number): number {
  return nTextLayer * 2 * Math.ceil(melFrames / 2) * nTextState;
}

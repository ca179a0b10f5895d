/** Floating-point operations of a window, from a model's dimensions: products and attention; norms and GELU add little. */
import type { WhisperConfig } from '../config.js';

export type Dimensions = Pick<
  WhisperConfig,
  'nMels' | 'nAudioState' | 'nAudioLayer' | 'nTextState' | 'nTextLayer' | 'nVocab'
>;

/** One window of so many mel frames: the encoder, and the keys and values that cross-attention reads of it. */
export function windowFlop(config: Dimensions, melFrames: number): number {
  const positions = Math.ceil(melFrames / 2);
  return encoderFlop(config, positions) + crossFlop(config, positions);
}

/** Of the encoder for so many positions (of 20 ms). */
export function encoderFlop({ nMels, nAudioState: d, nAudioLayer }: Dimensions, positions: number): number {
  const convolutions = 2 * (2 * positions * 3 * nMels * d) + 2 * positions * 3 * d * d;
  const weights = 2 * positions * 12 * d * d; // query, key, value, out: 4 d²; the MLP: 8 d²
  const attention = 4 * positions * positions * d;
  return convolutions + nAudioLayer * (weights + attention);
}

/** Of the keys and values that the decoder's cross-attention reads. */
export function crossFlop({ nAudioState, nTextState, nTextLayer }: Dimensions, positions: number): number {
  return nTextLayer * 2 * (2 * positions * nAudioState * nTextState);
}

/** Numbers that one decoded token must read: the decoder's matrices, the output layer, the cross-attention's memory. */
export function tokenNumbers({ nVocab, nTextState: d, nTextLayer }: Dimensions, positions: number) {
  return {
    /** Own attention 4 d², cross-attention's query and out 2 d², the MLP 8 d². */
    layers: nTextLayer * 14 * d * d,
    output: nVocab * d,
    memory: nTextLayer * 2 * positions * d,
  };
}

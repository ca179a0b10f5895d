/** Floating-point operations of a window, from a model's dimensions: products and attention, without norms and GELU. */
import type { WhisperConfig } from '../whisper-config.js';

export type Dimensions = Pick<
  WhisperConfig,
  'nMels' | 'nAudioState' | 'nAudioLayer' | 'nTextState' | 'nTextLayer' | 'nVocab'
>;

/** Of one window: the encoder and the cross-attention keys and values. */
export function windowFlop(config: Dimensions, melFrames: number): number {
  const positions = Math.ceil(melFrames / 2);
  return encoderFlop(config, positions) + crossFlop(config, positions);
}

/** Of the encoder, for positions of 20 ms. */
export function encoderFlop({ nMels, nAudioState: d, nAudioLayer }: Dimensions, positions: number): number {
  const convolutions = 2 * (2 * positions * 3 * nMels * d) + 2 * positions * 3 * d * d;
  const weights = 2 * positions * 12 * d * d; // query, key, value, out: 4 d²; the MLP: 8 d²
  const attention = 4 * positions * positions * d;
  return convolutions + nAudioLayer * (weights + attention);
}

/** Of the cross-attention keys and values. */
export function crossFlop({ nAudioState, nTextState, nTextLayer }: Dimensions, positions: number): number {
  return nTextLayer * 2 * (2 * positions * nAudioState * nTextState);
}

/** Values that each decoded token reads: the decoder's matrices, the output layer, the cross-attention cache. */
export function tokenNumbers({ nVocab, nTextState: d, nTextLayer }: Dimensions, positions: number) {
  return {
    /** Self-attention 4 d², query and output of cross-attention 2 d², MLP 8 d². */
    layers: nTextLayer * 14 * d * d,
    output: nVocab * d,
    memory: nTextLayer * 2 * positions * d,
  };
}

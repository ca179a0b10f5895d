/**
 * The walk of greedy decoding over frames and tokens, on the host. A transducer without durations stays at a frame until its
 * blank (Graves, arXiv 1211.3711); one with durations skips as many frames as it predicts, for a token and for a blank
 * (Xu et al., arXiv 2304.06795).
 */
import type { TransducerConfig } from './transducer-network.js';

/** A token and the frames that it stands for. */
export interface Emission {
  readonly token: number;
  /** The frame that it was emitted at. */
  readonly frame: number;
  /** At least 1. */
  readonly frames: number;
  /** Natural-log probability. */
  readonly logprob: number;
}

/** Where decoding stands: it may go on with the frames of later audio. */
export interface WalkState {
  /** The next frame; beyond the last one if a duration reaches into later audio. */
  frame: number;
  /** Tokens that `frame` has emitted. */
  symbols: number;
}

/**
 * Moves over one choice of the joint at `state.frame`.
 *
 * @returns the emission; undefined for a blank
 */
export function advance(
  { tokens, durations, maxSymbols }: TransducerConfig,
  state: WalkState,
  token: number,
  duration: number,
  logprob: number,
): Emission | undefined {
  const { frame } = state;
  const hasDurations = durations.length > 0;
  if (token === tokens) {
    state.frame += Math.max(1, hasDurations ? duration : 1); // a blank without progress would repeat itself
    state.symbols = 0;
    return undefined;
  }
  state.symbols++;
  if (hasDurations && duration > 0) {
    state.frame += duration;
    state.symbols = 0;
  } else if (state.symbols >= maxSymbols) {
    state.frame += 1;
    state.symbols = 0;
  }
  return { token, frame, frames: Math.max(1, hasDurations ? duration : 1), logprob };
}

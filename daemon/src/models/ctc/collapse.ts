/** Greedy CTC decoding: the best token of each frame, repeats joined, blanks dropped. */
import type { CtcToken, Emissions } from './emissions.js';

/**
 * A token starts with its first frame and ends with its last repeat. Of equal probabilities the lowest id wins, as in
 * torch's argmax.
 */
export function collapse(emissions: Emissions, blank: number): CtcToken[] {
  const { frames, classes, logprobs } = emissions;
  const tokens: CtcToken[] = [];
  let current = blank;
  let start = 0;
  let sum = 0;
  const close = (end: number): void => {
    if (current !== blank) tokens.push({ id: current, start, end, logprob: sum / (end - start) });
  };
  for (let t = 0; t < frames; t++) {
    const base = t * classes;
    let best = 0;
    for (let id = 1; id < classes; id++) {
      if ((logprobs[base + id] ?? 0) > (logprobs[base + best] ?? 0)) best = id;
    }
    if (best !== current) {
      close(t);
      current = best;
      start = t;
      sum = 0;
    }
    sum += logprobs[base + best] ?? 0;
  }
  close(frames);
  return tokens;
}

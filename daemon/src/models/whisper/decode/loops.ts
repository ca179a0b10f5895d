/**
 * Texts that run in a loop: a decoder that has lost the audio says the same again and again until it has no tokens left.
 * It is stopped as soon as that is certain, so that another temperature may try.
 */
import { FRAMES_PER_SECOND } from '#daemon/audio/mel/mel.js';

import { compressionRatio, type DecodeResult } from './decode.js';
import type { Forecast, CandidateNeeds, CandidateSource } from '../search/candidates.js';
import type { Rows, Search, Sequence } from '../search/search.js';
import type { WhisperTokenizer } from '../tokenizer.js';

/** A run of tokens that a text ends with, said over and over. */
interface Loop {
  /** Index of the first token of the first time, and behind its last one. */
  readonly start: number;
  readonly firstEnd: number;
  /** Tokens of text in one time, and in all of them. */
  readonly period: number;
  readonly length: number;
}

/** The longest run that is looked for: two long sentences. */
const MAX_PERIOD_TOKENS = 60;
/** Said so often and for so many tokens, a run is a loop. People say "no, no, no, no", count, and sing refrains twice. */
const MIN_REPEATS = 3;
const MIN_LOOP_TOKENS = 40;
/** Nobody says more. */
const MAX_TOKENS_PER_SECOND = 8;

/** The loop that `tokens` end with, if they do. Timestamps are passed over: a loop may go on from segment to segment. */
export function loopAtEnd(tokens: readonly number[], timestampBegin: number): Loop | undefined {
  const at = tokens.flatMap((token, i) => (token < timestampBegin ? [i] : []));
  const text = at.map((i) => tokens[i] ?? 0);
  for (let period = 1; period <= Math.min(MAX_PERIOD_TOKENS, text.length / MIN_REPEATS); period++) {
    let same = 0; // tokens at the end that are those one period before
    while (same < text.length - period) {
      const last = text.length - 1 - same;
      if (text[last] !== text[last - period]) break;
      same++;
    }
    const length = same + period;
    if (length < Math.max(MIN_LOOP_TOKENS, MIN_REPEATS * period)) continue;
    const first = text.length - length;
    return { start: at[first] ?? 0, firstEnd: (at[first + period - 1] ?? 0) + 1, period, length };
  }
  return undefined;
}

interface LoopLimits {
  /** What compresses no better is no loop: such a window would not be done again either. */
  readonly compressionRatio: number;
  /** Frames of audio in the window. */
  readonly audioFrames: number;
}

/** Says when a window's text may be given up, token by token. */
export class LoopGuard {
  constructor(
    readonly tokenizer: WhisperTokenizer,
    readonly limits: LoopLimits,
    readonly minTokens = MIN_LOOP_TOKENS,
  ) {}

  /** For the last try: whoever repeats himself for real is heard out. A loop then has more words than anybody says. */
  get lenient(): LoopGuard {
    const maxSpokenTokens = (MAX_TOKENS_PER_SECOND * this.limits.audioFrames) / FRAMES_PER_SECOND;
    return new LoopGuard(this.tokenizer, this.limits, MIN_LOOP_TOKENS + maxSpokenTokens);
  }

  /** Whether these tokens of a window are in a loop, and compress so well for it that another try is certain. */
  shouldStop(tokens: readonly number[]): boolean {
    if (tokens.length < this.minTokens) return false;
    const loop = loopAtEnd(tokens, this.tokenizer.special.timestampBegin);
    if (loop === undefined || loop.length < this.minTokens) return false;
    return compressionRatio(this.tokenizer.decode(tokens).trim()) > this.limits.compressionRatio;
  }

  /**
   * A result that nothing better was found than, with its loop said once. One that came to an end of itself, before
   * `maxTokens`, is left as it is: people do repeat themselves.
   */
  withoutLoop(result: DecodeResult, maxTokens: number): DecodeResult {
    const { tokens, logprobs } = result;
    if (tokens.length < maxTokens && !this.shouldStop(tokens)) return result;
    if (!(result.compressionRatio > this.limits.compressionRatio)) return result;
    const kept = this.#end(tokens);
    if (kept === tokens.length) return result;
    const text = this.tokenizer.decode(tokens.slice(0, kept)).trim();
    return {
      ...result,
      tokens: tokens.slice(0, kept),
      logprobs: logprobs.slice(0, kept),
      text,
      compressionRatio: compressionRatio(text),
    };
  }

  /** Tokens up to the first sentence in the loop that comes to an end there, and the timestamp behind it. */
  #end(tokens: readonly number[]): number {
    const { timestampBegin } = this.tokenizer.special;
    const loop = loopAtEnd(tokens, timestampBegin);
    if (loop === undefined) return tokens.length;
    const isStamp = (i: number): boolean => (tokens[i] ?? 0) >= timestampBegin;
    for (let end = loop.firstEnd; end < loop.firstEnd + 2 * loop.period && end < tokens.length; end++) {
      if (isStamp(end)) return end + 1;
      if (/[.?!。？！]$/.test(this.tokenizer.decode([tokens[end - 1] ?? 0]))) return end;
    }
    return loop.firstEnd;
  }
}

/** A search that is over when what it would choose runs in a loop. */
export class RepetitionStopper implements Search {
  #stopped = false;

  /** @param independent whether its sequences have nothing to do with each other: then all of them have to be in loops */
  constructor(
    readonly search: Search,
    readonly guard: LoopGuard,
    readonly independent = false,
  ) {}

  get live(): readonly Sequence[] {
    return this.#stopped ? [] : this.search.live;
  }

  get needs(): CandidateNeeds | undefined {
    return this.search.needs;
  }

  get forecast(): Forecast | undefined {
    return this.search.forecast;
  }

  step(logprobs: Rows): number[] {
    return this.#checkLoops(this.search.step(logprobs));
  }

  stepWith(source: CandidateSource): number[] {
    return this.#checkLoops(this.search.stepWith?.(source) ?? []);
  }

  #checkLoops(rows: number[]): number[] {
    const { live } = this.search;
    const checked = this.independent ? live : live.slice(0, 1); // the likeliest one of a beam
    this.#stopped = checked.length > 0 && checked.every(({ tokens }) => this.guard.shouldStop(tokens));
    return this.#stopped ? [] : rows;
  }

  leading(): Sequence | undefined {
    return this.search.leading();
  }

  best(): Sequence {
    return this.search.best();
  }
}

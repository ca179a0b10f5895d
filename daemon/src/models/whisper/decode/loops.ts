/**
 * Detects repetition loops: a decoder that has lost the audio repeats itself until it runs out of tokens. Decoding stops as
 * soon as the loop is certain, and continues at the next temperature.
 */
import { FRAMES_PER_SECOND } from '#daemon/audio/mel/mel.js';

import { tokenLoopAtEnd, type TokenLoop, type TokenLoopLimits } from '../../text/token-loop.js';
import { compressionRatio, type DecodeResult } from './decode.js';
import type { Forecast, CandidateNeeds, CandidateSource } from '../../search/candidates.js';
import type { Rows, Search, Sequence } from '../../search/search.js';
import type { WhisperTokenizer } from '../tokenizer.js';

/** A run of tokens that repeats up to the end of the text; its lengths count text tokens. */
interface Loop extends TokenLoop {
  /** Start and end of the first occurrence. */
  readonly start: number;
  readonly firstEnd: number;
}

/** People say "no, no, no, no", count, and sing refrains twice. */
const MIN_LOOP_TOKENS = 40;
/** The longest run to search for is two long sentences. */
const LOOP: TokenLoopLimits = { maxPeriod: 60, minRepeats: 3, minTokens: MIN_LOOP_TOKENS };
/** Faster than any speaker. */
const MAX_TOKENS_PER_SECOND = 8;

/** The loop at the end of `tokens`, if any. Ignores timestamps, since a loop may span segments. */
export function loopAtEnd(tokens: readonly number[], timestampBegin: number): Loop | undefined {
  const at = tokens.flatMap((token, i) => (token < timestampBegin ? [i] : []));
  const text = at.map((i) => tokens[i] ?? 0);
  const loop = tokenLoopAtEnd(text, LOOP);
  if (loop === undefined) return undefined;
  const first = text.length - loop.length;
  return { start: at[first] ?? 0, firstEnd: (at[first + loop.period - 1] ?? 0) + 1, ...loop };
}

interface LoopLimits {
  /** Text that compresses no better is not a loop; such a window would not be decoded again either. */
  readonly compressionRatio: number;
  /** Mel frames of audio in the window. */
  readonly audioFrames: number;
}

/** Decides token by token whether to abandon the text of a window. */
export class LoopGuard {
  constructor(
    readonly tokenizer: WhisperTokenizer,
    readonly limits: LoopLimits,
    readonly minTokens = MIN_LOOP_TOKENS,
  ) {}

  /** For the last attempt: real repetition is kept. A loop then has more tokens than anyone can speak. */
  get lenient(): LoopGuard {
    const maxSpokenTokens = (MAX_TOKENS_PER_SECOND * this.limits.audioFrames) / FRAMES_PER_SECOND;
    return new LoopGuard(this.tokenizer, this.limits, MIN_LOOP_TOKENS + maxSpokenTokens);
  }

  /** Whether the tokens loop, and compress so well that the window will be decoded again. */
  shouldStop(tokens: readonly number[]): boolean {
    if (tokens.length < this.minTokens) return false;
    const loop = loopAtEnd(tokens, this.tokenizer.special.timestampBegin);
    if (loop === undefined || loop.length < this.minTokens) return false;
    return compressionRatio(this.tokenizer.decode(tokens).trim()) > this.limits.compressionRatio;
  }

  /**
   * The best result there is, with its loop kept once. A text that ended by itself before `maxTokens` stays unchanged:
   * people do repeat themselves.
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

  /** The number of tokens up to the first sentence end in the loop, with the timestamp after it. */
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

/** A search that stops when its result loops. */
export class RepetitionStopper implements Search {
  #stopped = false;

  /** @param isIndependent whether its sequences are independent samples: then all of them must loop */
  constructor(
    readonly search: Search,
    readonly guard: LoopGuard,
    readonly isIndependent = false,
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
    const checked = this.isIndependent ? live : live.slice(0, 1); // the best one of a beam
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

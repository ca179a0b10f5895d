/**
 * Filters of the reference: no blank start, no non-speech tokens, timestamps by the rules. They run on the device and take
 * its own last token, so a step can be queued before the previous token is read. Masks are made once per transcription.
 */
import { mx, type MxArray } from '#native/index.js';
import * as nn from '#native/nn/index.js';

import type { WhisperConfig } from '../whisper-config.js';
import {
  compilePlainChoice,
  compilePlainFilter,
  compileTimedChoice,
  compileTimedFilter,
  KIND,
  type ChoiceMasks,
  type PlainChoice,
  type PlainFilter,
  type TimedChoice,
  type TimedFilter,
} from './greedy-choice.js';
import { AFTER, EARLIEST_BEYOND, THEN_STAMP } from './timestamp-rules.js';
import type { WhisperTokenizer } from '../tokenizer.js';

/** The latest initial timestamp, 1.0 s, in frames of 20 ms. */
const MAX_INITIAL_TIMESTAMP = 50;

/**
 * The state of the timestamp rules on the device: the kind of the last token (`AFTER`, int32 [N]) and the latest timestamp
 * in frames of 20 ms (int32 [N]; negative while there is none).
 */
export type TimestampState = readonly [after: MxArray, latest: MxArray];

/** A token for each row [N] or [N, 1], its log-probability, and the state after it. */
interface TokenChoice {
  readonly token: MxArray;
  readonly logprob: MxArray;
  readonly state: TimestampState | undefined;
}

export class LogitFilters {
  /** 0 or -∞ for each token, at the first position. [1, V] */
  readonly #first: MxArray;
  /** For later positions: a row for each of `AFTER`, of the tokens below `<|0.00|>`. [3, textSize] */
  readonly #later: MxArray;
  readonly #stampIndex: MxArray; // 0 … stamps - 1
  readonly #thenStamp: MxArray; // [3]
  readonly #earliestBeyond: MxArray; // [3]
  /** Tokens below `<|0.00|>`. */
  readonly textSize: number;
  readonly #vocabSize: number;
  readonly #timestamps: boolean;
  readonly #endOfText: number;
  /** Created on first use, on a GPU. */
  #masks: ChoiceMasks | undefined;
  #timed: TimedChoice | undefined;
  #plain: PlainChoice | undefined;
  #timedFilter: TimedFilter | undefined;
  #plainFilter: PlainFilter | undefined;

  constructor(
    tokenizer: WhisperTokenizer,
    config: WhisperConfig,
    { timestamps, suppress = [] }: { timestamps: boolean; suppress?: readonly number[] | undefined },
  ) {
    const { special } = tokenizer;
    this.#vocabSize = config.nVocab;
    this.textSize = special.timestampBegin;
    this.#timestamps = timestamps;
    this.#endOfText = special.endOfText;
    const forbidden = [
      ...tokenizer.nonSpeechTokens,
      special.transcribe,
      special.translate,
      special.startOfTranscript,
      special.startOfPrev,
      special.startOfLm,
      special.noSpeech,
      ...(timestamps ? [special.noTimestamps] : []),
      ...suppress.filter((token) => token < config.nVocab),
    ];
    const suppressed = new Float32Array(config.nVocab);
    for (const token of forbidden) suppressed[token] = -Infinity;

    const first = suppressed.slice();
    for (const token of [tokenizer.blankToken, special.endOfText]) first[token] = -Infinity;
    if (timestamps) {
      first.fill(-Infinity, 0, special.timestampBegin);
      first.fill(-Infinity, special.timestampBegin + MAX_INITIAL_TIMESTAMP + 1);
    }

    const textSize = timestamps ? this.textSize : config.nVocab;
    const rows = Object.keys(AFTER).length;
    const later = new Float32Array(rows * textSize);
    for (let row = 0; row < rows; row++) later.set(suppressed.subarray(0, textSize), row * textSize);
    later.fill(-Infinity, AFTER.firstOfPair * textSize, AFTER.firstOfPair * textSize + special.endOfText);

    this.#first = mx.keep(mx.array(first, [1, config.nVocab]));
    this.#later = mx.keep(mx.array(later, [rows, textSize]));
    this.#stampIndex = mx.keep(mx.arange(config.nVocab - this.textSize, { dtype: 'int32' }));
    this.#thenStamp = mx.keep(mx.array(Int32Array.from(THEN_STAMP)));
    this.#earliestBeyond = mx.keep(mx.array(Int32Array.from(EARLIEST_BEYOND)));
  }

  /** Logits [1, V] of the first position → the same with tokens that cannot start a transcript at -∞. */
  first(logits: MxArray): MxArray {
    return mx.add(logits, this.#first);
  }

  /** Logits [N, V] of a later position → the same with disallowed tokens at -∞. */
  later(logits: MxArray, state: TimestampState | undefined): MxArray {
    if (state === undefined) return mx.add(logits, mx.slice(this.#later, [0, 0], [1, this.#vocabSize]));
    const [rows = 1] = logits.shape;
    const [after, latest] = state.map((array) => mx.reshape(array, [rows])) as [MxArray, MxArray];
    const text = mx.add(mx.slice(logits, [0, 0], [rows, this.textSize]), mx.take(this.#later, after, 0));
    let earliest = mx.add(latest, mx.take(this.#earliestBeyond, after));
    if (rows > 1) earliest = mx.reshape(earliest, [rows, 1]);
    const stamps = mx.where(
      mx.greaterEqual(this.#stampIndex, earliest),
      mx.slice(logits, [0, this.textSize], [rows, this.#vocabSize]),
      -Infinity,
    );
    // If all timestamps together are more probable than the most probable text token, it must be a timestamp.
    const stampIsDue = mx.greater(mx.logsumexp(stamps, -1, true), mx.max(text, -1, true)); // [1, 1]
    return mx.concatenate([mx.where(stampIsDue, -Infinity, text), stamps], -1);
  }

  /** The state after `token` [1]; undefined without timestamps. */
  follow(token: MxArray, state: TimestampState | undefined): TimestampState | undefined {
    if (!this.#timestamps) return undefined;
    const stamp = mx.subtract(token, this.textSize); // negative for text
    const isStamp = mx.greaterEqual(stamp, 0);
    // The first timestamp of a transcript has no partner, so it counts as the second of a pair.
    const [then, latest] = state
      ? [mx.take(this.#thenStamp, state[0]), mx.where(isStamp, stamp, state[1])]
      : [AFTER.secondOfPair, stamp];
    return [mx.astype(mx.where(isStamp, then, AFTER.text), 'int32'), latest];
  }

  /**
   * Logits [N, V] of a later position → the most probable allowed token of each row. One compiled function on a GPU.
   */
  choose(
    logits: MxArray,
    state: TimestampState | undefined,
    compile = mx.defaultDevice() === 'gpu',
  ): TokenChoice {
    if (!compile) {
      const [token, logprob] = nn.argmax(this.later(logits, state));
      return { token, logprob, state: this.follow(token, state) };
    }
    if (state === undefined) {
      this.#plain ??= compilePlainChoice(this.#choiceMasks());
      const [token, logprob] = this.#plain(logits);
      return { token, logprob, state: this.follow(token, state) };
    }
    this.#timed ??= compileTimedChoice(this.#choiceMasks());
    const [token, logprob, nextAfter, nextLatest] = this.#timed(logits, ...columns(state, logits));
    return { token, logprob, state: [nextAfter, nextLatest] };
  }

  /** `later` as one compiled function on a GPU. */
  allowed(
    logits: MxArray,
    state: TimestampState | undefined,
    compile = mx.defaultDevice() === 'gpu',
  ): MxArray {
    if (!compile) return this.later(logits, state);
    if (state === undefined) {
      this.#plainFilter ??= compilePlainFilter(this.#choiceMasks());
      return this.#plainFilter(logits);
    }
    this.#timedFilter ??= compileTimedFilter(this.#choiceMasks());
    return this.#timedFilter(logits, ...columns(state, logits));
  }

  /** The state after sequences of one length, [rows] each; undefined without timestamps. */
  stateOf(sequences: readonly (readonly number[])[]): TimestampState | undefined {
    if (!this.#timestamps) return undefined;
    const isStamp = (token: number | undefined): boolean => token !== undefined && token >= this.textSize;
    const after = sequences.map((tokens) => {
      if (!isStamp(tokens.at(-1))) return AFTER.text;
      return tokens.length < 2 || isStamp(tokens.at(-2)) ? AFTER.secondOfPair : AFTER.firstOfPair;
    });
    const latest = sequences.map((tokens) => (tokens.findLast(isStamp) ?? this.textSize - 1) - this.textSize);
    return [mx.array(Int32Array.from(after)), mx.array(Int32Array.from(latest))];
  }

  #choiceMasks(): ChoiceMasks {
    if (this.#masks) return this.#masks;
    const kinds = new Int32Array(this.#vocabSize).fill(KIND.stamp);
    kinds.fill(KIND.end, this.#endOfText, this.textSize).fill(KIND.text, 0, this.#endOfText);
    const frames = Int32Array.from(kinds, (_, token) => token - this.textSize);
    const suppressed = mx.tidy(() => {
      // The row for tokens after text: it suppresses only the tokens that are never sampled.
      const [, width = 0] = this.#later.shape;
      const row = mx.slice(this.#later, [0, 0], [1, width]);
      return mx.concatenate([row, mx.zeros([1, this.#vocabSize - width])], -1);
    });
    this.#masks = {
      suppressed: mx.keep(suppressed),
      kinds: mx.keep(mx.array(kinds, [1, this.#vocabSize])),
      frames: mx.keep(mx.array(frames, [1, this.#vocabSize])),
      textSize: this.textSize,
    };
    mx.eval(suppressed);
    return this.#masks;
  }

  dispose(): void {
    for (const made of [this.#timed, this.#plain, this.#timedFilter, this.#plainFilter]) made?.dispose();
    if (this.#masks) mx.dispose([this.#masks.suppressed, this.#masks.kinds, this.#masks.frames]);
    mx.dispose([this.#first, this.#later, this.#stampIndex, this.#thenStamp, this.#earliestBeyond]);
  }
}

/** A state as two columns [N, 1], for logits [N, V]. */
function columns(state: TimestampState, { shape: [rows = 1] }: MxArray): [after: MxArray, latest: MxArray] {
  return [mx.reshape(state[0], [rows, 1]), mx.reshape(state[1], [rows, 1])];
}

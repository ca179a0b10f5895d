/**
 * What may be sampled next, as in the reference: no blank start, no tokens that nobody says, timestamps by the rules.
 * Everything is computed on the device from the device's own last token, so that a step can be queued before the
 * token of the step before it has been read back. Masks are made once for each kind of decode, not for each token.
 */
import { mx, type MxArray } from '#native/index.js';

import type { WhisperConfig } from './config.js';
import type { WhisperTokenizer } from './tokenizer.js';

/** The latest a transcript may begin: an initial timestamp of 1.0 s, in frames of 20 ms. */
const MAX_INITIAL_TIMESTAMP = 50;

/**
 * What the timestamp rules need to know of the tokens sampled so far, as one int32 array on the device, [3]: whether
 * the last token is a timestamp, whether the one before it is (1 where there is none), and the latest timestamp in
 * frames of 20 ms.
 */
export type TimestampState = MxArray;

export class LogitFilters {
  /** 0 or -∞ for each token, at the first position. [1, V] */
  readonly #first: MxArray;
  /** The same for every later position, for the tokens below `<|0.00|>`: row 0 after text, row 1 where only a timestamp or the end may follow. [2, textSize] */
  readonly #later: MxArray;
  readonly #stampIndex: MxArray; // 0 … stamps - 1
  readonly #textSize: number;
  readonly #vocabSize: number;
  readonly #timestamps: boolean;

  constructor(tokenizer: WhisperTokenizer, config: WhisperConfig, { timestamps }: { timestamps: boolean }) {
    const { special } = tokenizer;
    this.#vocabSize = config.nVocab;
    this.#textSize = special.timestampBegin;
    this.#timestamps = timestamps;
    const forbidden = [
      ...tokenizer.nonSpeechTokens,
      special.transcribe,
      special.translate,
      special.startOfTranscript,
      special.startOfPrev,
      special.startOfLm,
      special.noSpeech,
      ...(timestamps ? [special.noTimestamps] : []),
    ];
    const suppressed = new Float32Array(config.nVocab);
    for (const token of forbidden) suppressed[token] = -Infinity;

    const first = suppressed.slice();
    for (const token of [tokenizer.blankToken, special.endOfText]) first[token] = -Infinity;
    if (timestamps) {
      first.fill(-Infinity, 0, special.timestampBegin);
      first.fill(-Infinity, special.timestampBegin + MAX_INITIAL_TIMESTAMP + 1);
    }

    const textSize = timestamps ? this.#textSize : config.nVocab;
    const later = new Float32Array(2 * textSize);
    later.set(suppressed.subarray(0, textSize), 0);
    later.set(suppressed.subarray(0, textSize), textSize);
    later.fill(-Infinity, textSize, textSize + special.endOfText);

    this.#first = mx.keep(mx.array(first, [1, config.nVocab]));
    this.#later = mx.keep(mx.array(later, [2, textSize]));
    this.#stampIndex = mx.keep(mx.arange(config.nVocab - this.#textSize, { dtype: 'int32' }));
  }

  /** Logits [1, V] of the first position → the same with what may not begin a transcript at -∞. */
  first(logits: MxArray): MxArray {
    return mx.add(logits, this.#first);
  }

  /** Logits [1, V] of a later position → the same with what may not follow at -∞. */
  later(logits: MxArray, state: TimestampState | undefined): MxArray {
    if (state === undefined) return mx.add(logits, mx.slice(this.#later, [0, 0], [1, this.#vocabSize]));
    const last = mx.slice(state, [0], [1]);
    const beforeLast = mx.slice(state, [1], [2]);
    const timestamp = mx.slice(state, [2], [3]);
    // Timestamps come in pairs, the end of one segment and the start of the next. After the first of a pair no
    // text may follow, after the second no third. They never go back, and a segment is never of no length.
    const opensPair = mx.greater(last, beforeLast);
    const closesPair = mx.logicalAnd(last, beforeLast);
    const earliest = mx.where(
      closesPair,
      this.#vocabSize, // beyond all of them
      mx.where(opensPair, timestamp, mx.add(timestamp, 1)),
    );
    const text = mx.add(
      mx.slice(logits, [0, 0], [1, this.#textSize]),
      mx.take(this.#later, mx.astype(opensPair, 'int32'), 0),
    );
    const stamps = mx.where(
      mx.greaterEqual(this.#stampIndex, earliest),
      mx.slice(logits, [0, this.#textSize], [1, this.#vocabSize]),
      -Infinity,
    );
    // If a timestamp of whatever time is likelier than the likeliest text, it has to be a timestamp.
    const stampIsDue = mx.greater(mx.logsumexp(stamps, -1, true), mx.max(text, -1, true)); // [1, 1]
    return mx.concatenate([mx.where(stampIsDue, -Infinity, text), stamps], -1);
  }

  /** The state after `token` [1]; undefined where no timestamps are sampled. */
  follow(token: MxArray, state: TimestampState | undefined): TimestampState | undefined {
    if (!this.#timestamps) return undefined;
    const stamp = mx.subtract(token, this.#textSize); // negative for text
    const isStamp = mx.greaterEqual(stamp, 0);
    const [before, latest] =
      state === undefined
        ? [mx.array([1], [1], 'int32'), stamp]
        : [mx.slice(state, [0], [1]), mx.where(isStamp, stamp, mx.slice(state, [2], [3]))];
    return mx.concatenate([mx.astype(isStamp, 'int32'), before, latest], 0);
  }

  dispose(): void {
    mx.dispose([this.#first, this.#later, this.#stampIndex]);
  }
}

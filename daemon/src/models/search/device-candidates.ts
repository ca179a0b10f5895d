/** Selects the candidates of a search on the device: a few numbers per row instead of the whole vocabulary. */
import { mx, type MxArray } from '#native/index.js';

import { compileOnGpu } from './compile-on-gpu.js';
import type { TokenCandidate, CandidateNeeds, CandidateSource } from './candidates.js';

/** Arrays on the device; all but the first are float32. */
export interface PickedCandidates {
  readonly tokens: MxArray; // [N, count] int32, the most probable first
  readonly logprobs: MxArray; // [N, count]
  readonly listed: MxArray; // [N, listed]
}

/** logprobs [N, V] → the `count` most probable tokens of each row and their log-probabilities, each [N, count] */
function topKOf(count: number) {
  return (logprobs: MxArray): [tokens: MxArray, logprobs: MxArray] => {
    const found: MxArray[] = [];
    let left = logprobs;
    // One argmax per token: a partition does not guarantee the first of equal values.
    for (let i = 0; i < count; i++) {
      const token = mx.argmax(left, -1, true); // [N, 1]
      found.push(token);
      if (i + 1 < count) left = mx.putAlongAxis(left, token, mx.array(-Infinity), -1);
    }
    const tokens = mx.concatenate(found, -1);
    return [mx.astype(tokens, 'int32'), mx.takeAlongAxis(logprobs, tokens, -1)];
  };
}

export class DeviceCandidates {
  readonly #needs: CandidateNeeds;
  readonly #listed: MxArray;
  /** Column of each listed token. */
  readonly #places: ReadonlyMap<number, number>;

  constructor(needs: CandidateNeeds) {
    this.#needs = needs;
    this.#listed = mx.keep(mx.array(Int32Array.from(needs.listed), [needs.listed.length]));
    this.#places = new Map(needs.listed.map((token, place) => [token, place]));
  }

  /** @param logprobs [N, V] */
  pick(logprobs: MxArray): PickedCandidates {
    const { count } = this.#needs;
    const [rows = 0, vocabulary = 0] = logprobs.shape;
    const limit = Math.min(count, vocabulary);
    const [tokens, values] = compileOnGpu(`likeliest ${limit}`, topKOf(limit))(logprobs);
    const listed = this.#places.size > 0 ? mx.take(logprobs, this.#listed, 1) : mx.zeros([rows, 0]);
    return { tokens, logprobs: values, listed };
  }

  /** Reads arrays that are evaluated. */
  read({ tokens, logprobs, listed }: PickedCandidates): CandidateSource {
    const [, count = 0] = tokens.shape;
    const width = this.#places.size;
    const [ids, values, listedLogprobs] = [
      tokens.toTypedArray(),
      logprobs.toTypedArray('float32'),
      listed.toTypedArray('float32'),
    ];
    return {
      topK: (row, limit) => {
        const source = new Map<number, TokenCandidate>();
        for (let i = row * count; i < row * count + Math.min(limit, count); i++) {
          const [token, logprob] = [Number(ids[i]), values[i] ?? -Infinity];
          // Once a row is exhausted, argmax returns its first token again.
          if (logprob > -Infinity && !source.has(token)) source.set(token, { token, logprob });
        }
        return [...source.values()];
      },
      logprob: (row, token) => {
        const place = this.#places.get(token);
        return place === undefined ? -Infinity : (listedLogprobs[row * width + place] ?? -Infinity);
      },
    };
  }

  dispose(): void {
    this.#listed.dispose();
  }
}

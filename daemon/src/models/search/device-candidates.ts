/** Selects the candidates of a search on the device: a few numbers per row instead of the whole vocabulary. */
import { mx, type MxArray } from '#native/index.js';
import * as nn from '#native/nn/index.js';

import { compileOnGpu } from './compile-on-gpu.js';
import type { TokenCandidate, CandidateNeeds, CandidateSource } from './candidates.js';

/** Arrays on the device; all but the first are float32. */
export interface PickedCandidates {
  readonly tokens: MxArray; // [N, count] int32, the most probable first
  readonly logprobs: MxArray; // [N, count]
  readonly listed: MxArray; // [N, listed]
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

  /** @param logits [N, V], filtered */
  pick(logits: MxArray): PickedCandidates {
    const { count } = this.#needs;
    const [rows = 0, vocabulary = 0] = logits.shape;
    const limit = Math.min(count, vocabulary);
    const topK = compileOnGpu(`top ${limit}`, (all: MxArray) => nn.topK(all, limit));
    const [tokens, logprobs, logNormalizer] = topK(logits);
    const listed =
      this.#places.size > 0
        ? mx.subtract(mx.take(logits, this.#listed, 1), logNormalizer)
        : mx.zeros([rows, 0]);
    return { tokens, logprobs, listed };
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

/** What a search needs of a step, picked out on the device: some numbers a row, not the whole vocabulary. */
import { mx, type MxArray } from '#native/index.js';

import type { Offer, OfferNeeds, Offers } from './offers.js';

/** Still on the device; all but the first float32. */
export interface PickedOffers {
  readonly tokens: MxArray; // [N, count] int32, the likeliest first
  readonly logprobs: MxArray; // [N, count]
  readonly listed: MxArray; // [N, listed]
}

export class DeviceOffers {
  readonly #needs: OfferNeeds;
  readonly #listed: MxArray;
  /** Where in `listed` a token stands. */
  readonly #places: ReadonlyMap<number, number>;

  constructor(needs: OfferNeeds) {
    this.#needs = needs;
    this.#listed = mx.keep(mx.array(Int32Array.from(needs.listed), [needs.listed.length]));
    this.#places = new Map(needs.listed.map((token, place) => [token, place]));
  }

  /** @param logprobs [N, V] */
  pick(logprobs: MxArray): PickedOffers {
    const [, vocabulary = 0] = logprobs.shape;
    const tokens: MxArray[] = [];
    const values: MxArray[] = [];
    let left = logprobs;
    // One after another, since of equals the first is wanted, which a partition does not promise.
    for (let i = 0; i < Math.min(this.#needs.count, vocabulary); i++) {
      const token = mx.argmax(left, -1, true); // [N, 1]
      tokens.push(token);
      values.push(mx.max(left, -1, true));
      if (i + 1 < this.#needs.count) left = mx.putAlongAxis(left, token, mx.array(-Infinity), -1);
    }
    return {
      tokens: mx.astype(mx.concatenate(tokens, -1), 'int32'),
      logprobs: mx.concatenate(values, -1),
      listed: mx.take(logprobs, this.#listed, 1),
    };
  }

  /** Offers whose arrays can be read. */
  read({ tokens, logprobs, listed }: PickedOffers): Offers {
    const [, count = 0] = tokens.shape;
    const width = this.#places.size;
    const [ids, values, asked] = [
      tokens.toTypedArray(),
      logprobs.toTypedArray('float32'),
      listed.toTypedArray('float32'),
    ];
    return {
      likeliest: (row, most) => {
        const offers: Offer[] = [];
        for (let i = row * count; i < row * count + Math.min(most, count); i++) {
          const logprob = values[i] ?? -Infinity;
          if (logprob > -Infinity) offers.push({ token: Number(ids[i]), logprob });
        }
        return offers;
      },
      logprob: (row, token) => {
        const place = this.#places.get(token);
        return place === undefined ? -Infinity : (asked[row * width + place] ?? -Infinity);
      },
    };
  }

  dispose(): void {
    this.#listed.dispose();
  }
}

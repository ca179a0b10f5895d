/**
 * The decoder's steps under a search on the host. On a GPU only what the search needs is read, and where it is expected to
 * go on with the likeliest token, the step after that one is queued before the first is read; if it decides otherwise,
 * that step is undone.
 */
import { mx, type MxArray } from '#native/index.js';

import { turn } from './cancel.js';
import type { DecodeContext } from './decode.js';
import { DeviceOffers, type PickedOffers } from './device-offers.js';
import type { EncodedWindow } from './encode.js';
import type { TimestampState } from './logit-filters.js';
import type { Offers } from './offers.js';
import type { Search, Sequence } from './search.js';

/** A step that has been queued. */
interface Queued {
  readonly picked: PickedOffers;
  /** What the filters need to know of its one sequence; undefined where no timestamps are sampled. */
  readonly state: TimestampState | undefined;
}

export class SearchSteps {
  readonly #context: DecodeContext;
  readonly #window: EncodedWindow;
  readonly #search: Search;
  readonly #offers: DeviceOffers | undefined;
  /** The step behind the likeliest token of the last one, and that token. */
  #ahead: { readonly step: Queued; token: number } | undefined;

  /** @param onDevice whether a search that says what it needs is given that alone */
  constructor(context: DecodeContext, window: EncodedWindow, search: Search, onDevice = isGpu()) {
    this.#context = context;
    this.#window = window;
    this.#search = search;
    if (onDevice && search.needs && search.stepWith) this.#offers = new DeviceOffers(search.needs);
  }

  /**
   * Reads log-probabilities [places, V], which are freed.
   *
   * @returns a function by which the search takes up what is offered at one of the places: for each sequence that continues
   * the row that it came from
   */
  async offeredAt(logprobs: MxArray, signal: AbortSignal): Promise<(place: number) => number[]> {
    const search = this.#search;
    if (!this.#offers) {
      const { nVocab } = this.#context.model.config;
      const rows = await hostRows(logprobs, signal);
      return (place) => search.step(rows.subarray(place * nVocab, (place + 1) * nVocab));
    }
    const picked = mx.tidy(() => this.#offers?.pick(logprobs));
    logprobs.dispose();
    const offers = picked && (await this.#read({ picked, state: undefined }, signal));
    return (place) =>
      (offers &&
        search.stepWith?.({
          likeliest: (row, count) => offers.likeliest(row + place, count),
          logprob: (row, token) => offers.logprob(row + place, token),
        })) ??
      [];
  }

  /** One step for all sequences of the search, which came from these rows. */
  async next(rows: readonly number[], signal: AbortSignal): Promise<number[]> {
    const queued = this.#takeAhead(rows);
    const { caches } = this.#context;
    if (!queued && (rows.length !== (caches[0]?.batch ?? 0) || rows.some((row, i) => row !== i))) {
      for (const cache of caches) cache.reorder(rows);
    }
    if (!this.#offers) return this.#search.step(await hostRows(this.#logprobs(), signal));
    const step = queued ?? this.#queue();
    const offers = await this.#read(step, signal, this.#isPredictable());
    return (offers && this.#search.stepWith?.(offers)) ?? [];
  }

  dispose(): void {
    this.#drop();
    this.#offers?.dispose();
  }

  /** The step that was queued ahead, if the search went on as expected; else it is undone. */
  #takeAhead(rows: readonly number[]): Queued | undefined {
    const ahead = this.#ahead;
    if (!ahead) return undefined;
    const { live } = this.#search;
    if (rows.length === 1 && rows[0] === 0 && live[0]?.tokens.at(-1) === ahead.token) {
      this.#ahead = undefined;
      return ahead.step;
    }
    this.#drop();
    for (const cache of this.#context.caches) cache.trim(1);
    return undefined;
  }

  #drop(): void {
    if (this.#ahead) disposeQueued(this.#ahead.step);
    this.#ahead = undefined;
  }

  /** Reads a step. Before that, the step behind its likeliest token is queued if that is wanted. */
  async #read(step: Queued, signal: AbortSignal, goesOn = false): Promise<Offers | undefined> {
    const arrays = Object.values(step.picked) as MxArray[];
    try {
      mx.asyncEval(arrays);
      if (goesOn) this.#ahead = { step: this.#queueBehind(step), token: NaN };
      await mx.ready(...arrays);
      await turn(signal);
      const offers = this.#offers?.read(step.picked);
      if (this.#ahead) this.#ahead.token = offers?.likeliest(0, 1)[0]?.token ?? NaN;
      return offers;
    } finally {
      disposeQueued(step);
    }
  }

  #isPredictable(): boolean {
    const { caches, model } = this.#context;
    const hasRoom = (caches[0]?.length ?? 0) < model.config.nTextCtx;
    return hasRoom && this.#search.needs?.isGreedy === true && this.#search.live.length === 1;
  }

  #queue(): Queued {
    const { filters } = this.#context;
    const { live } = this.#search;
    return mx.tidy(() => {
      const state = filters.stateOf(this.#sequences());
      const picked = this.#pick(lastTokens(live), live.length, state);
      return { picked, state };
    });
  }

  #queueBehind({ picked, state }: Queued): Queued {
    const { filters } = this.#context;
    const step = mx.tidy((): Queued => {
      const token = mx.slice(picked.tokens, [0, 0], [1, 1]);
      const next = filters.follow(mx.reshape(token, [1]), state);
      return { picked: this.#pick(token, 1, next), state: next };
    });
    mx.asyncEval(step.picked);
    return step;
  }

  #pick(tokens: MxArray, rows: number, state: TimestampState | undefined): PickedOffers {
    const picked = this.#offers?.pick(this.#logprobsBehind(tokens, rows, state));
    if (!picked) throw new RangeError('the search takes whole rows');
    return picked;
  }

  #logprobs(): MxArray {
    const { live } = this.#search;
    const { filters } = this.#context;
    return mx.tidy(() =>
      this.#logprobsBehind(lastTokens(live), live.length, filters.stateOf(this.#sequences())),
    );
  }

  #sequences(): (readonly number[])[] {
    const { prefix = [] } = this.#context;
    return this.#search.live.map(({ tokens }) => [...prefix, ...tokens]);
  }

  /** tokens [N, 1] → [N, V] */
  #logprobsBehind(tokens: MxArray, rows: number, state: TimestampState | undefined): MxArray {
    const { model, caches, filters } = this.#context;
    const hidden = model.decoder.forward(tokens, caches, this.#window.crossKeysValues); // [N, 1, D]
    const logits = mx.reshape(model.decoder.logits(hidden), [rows, model.config.nVocab]);
    return logprobsOf(filters.later(logits, state));
  }
}

const isGpu = (): boolean => mx.defaultDevice() === 'gpu';

function disposeQueued({ picked, state }: Queued): void {
  mx.dispose(picked);
  if (state) mx.dispose(state);
}

/** Logits [N, V] → log-probabilities */
export function logprobsOf(logits: MxArray): MxArray {
  return mx.subtract(logits, mx.logsumexp(logits, -1, true));
}

/** The values of `array`, which is freed. */
async function hostRows(array: MxArray, signal: AbortSignal): Promise<Float32Array> {
  try {
    await mx.ready(array);
    await turn(signal);
    return array.toTypedArray('float32');
  } finally {
    mx.dispose([array]);
  }
}

function lastTokens(sequences: readonly Sequence[]): MxArray {
  return mx.array(
    Int32Array.from(sequences, ({ tokens }) => tokens.at(-1) ?? 0),
    [sequences.length, 1],
  );
}

/**
 * The decoder's steps under a search on the host. On a GPU only what the search needs is read, and where the search forecasts
 * which sequences it will continue, the device chooses them too: the step behind them is queued before the one before it is
 * read. The search decides as ever; if it decides otherwise, that step is undone.
 */
import { mx, type MxArray } from '#native/index.js';
import * as nn from '#native/nn/index.js';

import { yieldToEventLoop } from '../cancellation.js';
import type { DecodeContext } from '../decode/decode.js';
import { beamArrays, chooseBeam, type Continuation, type DeviceBeam, readBeam } from './device-beam.js';
import { DeviceCandidates, type PickedCandidates } from './device-candidates.js';
import type { EncodedWindow } from '../encode/encode.js';
import type { TimestampState } from '../decode/logit-filters.js';
import type { Forecast, CandidateSource } from './candidates.js';
import type { Search, Sequence } from './search.js';

/** A step that has been queued. */
interface Queued {
  readonly picked: PickedCandidates;
  /** What the filters need to know of its sequences; undefined where no timestamps are sampled. */
  readonly state: TimestampState | undefined;
}

/** A step whose sequences the search has not yet chosen. */
interface SpeculativeStep {
  readonly step: Queued;
  readonly reorder: nn.PendingReorder;
  /** The sequences, once they are read. */
  expected: readonly Continuation[];
}

export class SearchSteps {
  readonly #context: DecodeContext;
  readonly #window: EncodedWindow;
  readonly #search: Search;
  readonly #source: DeviceCandidates | undefined;
  #speculative: SpeculativeStep | undefined;

  /** @param onDevice whether a search that says what it needs is given that alone */
  constructor(context: DecodeContext, window: EncodedWindow, search: Search, onDevice = isGpu()) {
    this.#context = context;
    this.#window = window;
    this.#search = search;
    if (onDevice && search.needs && search.stepWith) this.#source = new DeviceCandidates(search.needs);
  }

  /**
   * Reads log-probabilities [places, V], which are freed.
   *
   * @returns a function by which the search takes up what is offered at one of the places: for each sequence that continues
   * the row that it came from
   */
  async readCandidates(logprobs: MxArray, signal: AbortSignal): Promise<(place: number) => number[]> {
    const search = this.#search;
    if (!this.#source) {
      const { nVocab } = this.#context.model.config;
      const rows = await hostRows(logprobs, signal);
      return (place) => search.step(rows.subarray(place * nVocab, (place + 1) * nVocab));
    }
    const picked = mx.tidy(() => this.#source?.pick(logprobs));
    logprobs.dispose();
    const source = picked && (await this.#read({ picked, state: undefined }, signal));
    return (place) =>
      (source &&
        search.stepWith?.({
          topK: (row, count) => source.topK(row + place, count),
          logprob: (row, token) => source.logprob(row + place, token),
        })) ??
      [];
  }

  /** One step for all sequences of the search, which came from these rows. */
  async next(rows: readonly number[], signal: AbortSignal): Promise<number[]> {
    const queued = this.#acceptSpeculative(rows);
    if (!queued) this.#reorder(rows);
    if (!this.#source) return this.#search.step(await hostRows(this.#logprobs(), signal));
    const source = await this.#read(queued ?? this.#queue(), signal, this.#forecast());
    return (source && this.#search.stepWith?.(source)) ?? [];
  }

  dispose(): void {
    this.#undo();
    this.#source?.dispose();
  }

  /** The step that was queued ahead, if the search continues as expected; else it is undone. */
  #acceptSpeculative(rows: readonly number[]): Queued | undefined {
    const speculative = this.#speculative;
    if (!speculative) return undefined;
    const { expected, reorder, step } = speculative;
    const { live } = this.#search;
    const isAsExpected = ({ row, token }: Continuation, i: number): boolean =>
      rows[i] === row && live[i]?.tokens.at(-1) === token;
    if (rows.length !== expected.length || !expected.every(isAsExpected)) {
      this.#undo();
      return undefined;
    }
    this.#speculative = undefined;
    reorder.commit();
    return step;
  }

  #undo(): void {
    const speculative = this.#speculative;
    if (!speculative) return;
    this.#speculative = undefined;
    disposeQueued(speculative.step);
    speculative.reorder.revert();
  }

  #reorder(rows: readonly number[]): void {
    const { caches } = this.#context;
    const batch = caches[0]?.batch ?? 0;
    if (rows.length === batch && rows.every((row, i) => row === i)) return;
    if (!this.#source) {
      for (const cache of caches) cache.reorder(rows);
      return;
    }
    // The step that follows waits for it: one wait, not one for each cache.
    mx.tidy(() => {
      nn.reorderSpeculatively(caches, new nn.DeviceRows(mx.array(Int32Array.from(rows)), batch)).commit();
    });
  }

  /** Reads a step. Before that, the step behind the sequences of the forecast is queued. */
  async #read(step: Queued, signal: AbortSignal, forecast?: Forecast): Promise<CandidateSource | undefined> {
    const arrays = Object.values(step.picked) as MxArray[];
    let beam: DeviceBeam | undefined;
    try {
      if (forecast) {
        const { filters } = this.#context;
        beam = mx.tidy(() => chooseBeam(step.picked, forecast, step.state, filters.textSize));
        arrays.push(...beamArrays(beam));
      }
      mx.asyncEval(arrays); // apart from the step behind it, which would have to be waited for too
      if (beam) this.#speculative = this.#queueNext(beam);
      await mx.ready(...arrays);
      await yieldToEventLoop(signal);
      if (beam && this.#speculative) this.#speculative.expected = readBeam(beam);
      return this.#source?.read(step.picked);
    } finally {
      disposeQueued(step);
      if (beam) mx.dispose(beamArrays(beam));
    }
  }

  /** What the search is likely to choose, if there is room for a step behind that. */
  #forecast(): Forecast | undefined {
    const { caches, model } = this.#context;
    const hasRoom = (caches[0]?.length ?? 0) < model.config.nTextCtx;
    return hasRoom ? this.#search.forecast : undefined;
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

  #queueNext(beam: DeviceBeam): SpeculativeStep {
    const { tokens, state } = beam;
    const [width = 0] = tokens.shape;
    const reorder = this.#reorderSpeculatively(beam);
    try {
      const picked = mx.tidy(() => this.#pick(tokens, width, state));
      mx.asyncEval(picked);
      return { step: { picked, state }, reorder, expected: [] };
    } catch (error) {
      if (state) mx.dispose(state);
      reorder.revert();
      throw error;
    }
  }

  /** The one row of a greedy search stays where it is. */
  #reorderSpeculatively({ rows }: DeviceBeam): nn.PendingReorder {
    const { caches } = this.#context;
    if (rows)
      return mx.tidy(() => nn.reorderSpeculatively(caches, new nn.DeviceRows(rows, caches[0]?.batch ?? 0)));
    const lengths = caches.map(({ length }) => length);
    return {
      commit: () => undefined,
      revert: () => {
        for (const [i, cache] of caches.entries()) cache.trim(cache.length - (lengths[i] ?? 0));
      },
    };
  }

  #pick(tokens: MxArray, rows: number, state: TimestampState | undefined): PickedCandidates {
    const picked = this.#source?.pick(this.#logprobsAfter(tokens, rows, state));
    if (!picked) throw new RangeError('the search takes whole rows');
    return picked;
  }

  #logprobs(): MxArray {
    const { live } = this.#search;
    const { filters } = this.#context;
    return mx.tidy(() =>
      this.#logprobsAfter(lastTokens(live), live.length, filters.stateOf(this.#sequences())),
    );
  }

  #sequences(): (readonly number[])[] {
    const { prefix = [] } = this.#context;
    return this.#search.live.map(({ tokens }) => [...prefix, ...tokens]);
  }

  /** tokens [N, 1] → [N, V] */
  #logprobsAfter(tokens: MxArray, rows: number, state: TimestampState | undefined): MxArray {
    const { model, caches, filters } = this.#context;
    const hidden = model.decoder.forward(tokens, caches, this.#window.crossKeysValues); // [N, 1, D]
    const logits = mx.reshape(model.decoder.logits(hidden), [rows, model.config.nVocab]);
    return filters.logprobs(logits, state);
  }
}

const isGpu = (): boolean => mx.defaultDevice() === 'gpu';

function disposeQueued({ picked, state }: Queued): void {
  mx.dispose(picked);
  if (state) mx.dispose(state);
}

/** The values of `array`, which is freed. */
async function hostRows(array: MxArray, signal: AbortSignal): Promise<Float32Array> {
  try {
    await mx.ready(array);
    await yieldToEventLoop(signal);
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

/**
 * Runs the decoder for a search on the host. Only the needed candidates are read. On a GPU, if the search forecasts its choice,
 * the device makes it too: the next step is queued before the previous one is read. The search still decides; if it decides
 * otherwise, the step is reverted.
 */
import { mx, type MxArray } from '#native/index.js';
import * as nn from '#native/nn/index.js';

import { yieldToEventLoop } from '#daemon/async.js';
import { beamArrays, chooseBeam, type Continuation, type DeviceBeam, readBeam } from './device-beam.js';
import { DeviceCandidates, type PickedCandidates } from './device-candidates.js';
import type { Forecast, CandidateSource } from './candidates.js';
import type { Search, Sequence } from './search.js';

/**
 * A text decoder as a search drives it. `State` is what its filters know of the sequences, on the device; undefined if the
 * next token does not depend on it. `logits` and `follow` are called inside `tidy`.
 */
export interface SearchNetwork<State extends readonly MxArray[] = never> {
  /** One per decoder block, with a row for each sequence. */
  readonly caches: readonly nn.SelfAttentionCache[];
  readonly vocabulary: number;
  /** Tokens that the caches may hold. */
  readonly maxPositions: number;
  /** Filtered logits [N, V] after tokens [N, 1], which the caches take in. */
  logits(tokens: MxArray, rows: number, state: State | undefined): MxArray;
  /** The state after sequences of one length. */
  stateOf(sequences: readonly Sequence[]): State | undefined;
  /** The state after the tokens of a beam, whose rows had `state`. */
  follow(beam: DeviceBeam, state: State | undefined): State | undefined;
}

interface Queued<State> {
  readonly picked: PickedCandidates;
  readonly state: State | undefined;
}

/** A step queued before the search has chosen its sequences. */
interface SpeculativeStep<State> {
  readonly step: Queued<State>;
  readonly reorder: nn.PendingReorder;
  /** The sequences, filled in once they are read. */
  expected: readonly Continuation[];
}

/**
 * What a search with `needs` receives: the log-probabilities of all tokens; its candidates; or its candidates, with the next
 * step queued before they are read. On a CPU a step that is not wanted costs more than the wait.
 */
export type SearchMode = 'full-rows' | 'candidates' | 'speculative';

export class SearchSteps<State extends readonly MxArray[] = never> {
  readonly #network: SearchNetwork<State>;
  readonly #search: Search;
  readonly #source: DeviceCandidates | undefined;
  readonly #mode: SearchMode;
  #speculative: SpeculativeStep<State> | undefined;

  constructor(
    network: SearchNetwork<State>,
    search: Search,
    mode: SearchMode = mx.defaultDevice() === 'gpu' ? 'speculative' : 'candidates',
  ) {
    this.#network = network;
    this.#search = search;
    this.#mode = mode;
    if (mode !== 'full-rows' && search.needs && search.stepWith) {
      this.#source = new DeviceCandidates(search.needs);
    }
  }

  /**
   * Reads filtered logits [places, V], which are freed.
   *
   * @returns a function that advances the search with the candidates of one place and returns, for each continuing
   * sequence, the row that it came from
   */
  async readCandidates(logits: MxArray, signal: AbortSignal): Promise<(place: number) => number[]> {
    const search = this.#search;
    if (!this.#source) {
      const { vocabulary } = this.#network;
      const rows = await hostRows(logits, signal);
      return (place) => search.step(rows.subarray(place * vocabulary, (place + 1) * vocabulary));
    }
    const picked = mx.tidy(() => this.#source?.pick(logits));
    logits.dispose();
    const source = picked && (await this.#read({ picked, state: undefined }, signal));
    return (place) =>
      (source &&
        search.stepWith?.({
          topK: (row, count) => source.topK(row + place, count),
          logprob: (row, token) => source.logprob(row + place, token),
        })) ??
      [];
  }

  /** Runs one step for all sequences of the search. @param rows the rows that they came from */
  async next(rows: readonly number[], signal: AbortSignal): Promise<number[]> {
    const queued = this.#acceptSpeculative(rows);
    if (!queued) this.#reorder(rows);
    if (!this.#source) return this.#search.step(await hostRows(this.#logits(), signal));
    const source = await this.#read(queued ?? this.#queue(), signal, this.#forecast());
    return (source && this.#search.stepWith?.(source)) ?? [];
  }

  dispose(): void {
    this.#undo();
    this.#source?.dispose();
  }

  /** The speculative step, if the search continued as expected; otherwise reverts it. */
  #acceptSpeculative(rows: readonly number[]): Queued<State> | undefined {
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
    const { caches } = this.#network;
    const batch = caches[0]?.batch ?? 0;
    if (rows.length === batch && rows.every((row, i) => row === i)) return;
    if (this.#mode !== 'speculative' || !this.#source) {
      for (const cache of caches) cache.reorder(rows);
      return;
    }
    // The next step waits for it: one wait instead of one per cache.
    mx.tidy(() => {
      nn.reorderSpeculatively(caches, new nn.DeviceRows(mx.array(Int32Array.from(rows)), batch)).commit();
    });
  }

  /** Reads a step, after queueing the next one for the sequences of the forecast. */
  async #read(
    step: Queued<State>,
    signal: AbortSignal,
    forecast?: Forecast,
  ): Promise<CandidateSource | undefined> {
    const arrays = Object.values(step.picked) as MxArray[];
    let beam: DeviceBeam | undefined;
    try {
      let state: State | undefined;
      if (forecast) {
        [beam, state] = mx.tidy(() => {
          const chosen = chooseBeam(step.picked, forecast);
          return [chosen, this.#network.follow(chosen, step.state)] as const;
        });
        arrays.push(...beamArrays(beam));
      }
      mx.asyncEval(arrays); // before the next step is queued, or that would be waited for too
      if (beam) this.#speculative = this.#queueNext(beam, state);
      await mx.ready(...arrays);
      await yieldToEventLoop(signal);
      if (beam && this.#speculative) this.#speculative.expected = readBeam(beam);
      return this.#source?.read(step.picked);
    } finally {
      disposeQueued(step);
      if (beam) mx.dispose(beamArrays(beam));
    }
  }

  /** The forecast of the search, if the caches have room for another step. */
  #forecast(): Forecast | undefined {
    const { caches, maxPositions } = this.#network;
    const hasRoom = (caches[0]?.length ?? 0) < maxPositions;
    return this.#mode === 'speculative' && hasRoom ? this.#search.forecast : undefined;
  }

  #queue(): Queued<State> {
    const { live } = this.#search;
    return mx.tidy(() => {
      const state = this.#network.stateOf(live);
      const picked = this.#pick(lastTokens(live), live.length, state);
      return { picked, state };
    });
  }

  #queueNext(beam: DeviceBeam, state: State | undefined): SpeculativeStep<State> {
    const { tokens } = beam;
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

  /** The single row of a greedy search needs no reordering. */
  #reorderSpeculatively({ rows }: DeviceBeam): nn.PendingReorder {
    const { caches } = this.#network;
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

  #pick(tokens: MxArray, rows: number, state: State | undefined): PickedCandidates {
    const picked = this.#source?.pick(this.#network.logits(tokens, rows, state));
    if (!picked) throw new RangeError('this search needs full rows');
    return picked;
  }

  #logits(): MxArray {
    const { live } = this.#search;
    return mx.tidy(() => this.#network.logits(lastTokens(live), live.length, this.#network.stateOf(live)));
  }
}

function disposeQueued({ picked, state }: Queued<readonly MxArray[]>): void {
  mx.dispose(picked);
  if (state) mx.dispose(state);
}

/** Reads the log-probabilities of filtered logits [N, V], which are freed. */
async function hostRows(logits: MxArray, signal: AbortSignal): Promise<Float32Array> {
  const logprobs = mx.tidy(() => nn.logSoftmax(logits));
  try {
    await mx.ready(logprobs);
    await yieldToEventLoop(signal);
    return logprobs.toTypedArray('float32');
  } finally {
    mx.dispose([logits, logprobs]);
  }
}

function lastTokens(sequences: readonly Sequence[]): MxArray {
  return mx.array(
    Int32Array.from(sequences, ({ tokens }) => tokens.at(-1) ?? 0),
    [sequences.length, 1],
  );
}

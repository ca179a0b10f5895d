/** Reorders the rows of a cache by indices that are still on the device, before the host knows them. */
import { mx, type MxArray } from '../index.js';

/** A queued reorder, to be committed or reverted once the host knows its rows. */
export interface PendingReorder {
  /** Keeps the reorder and frees the previous buffers. */
  readonly commit: () => void;
  /** Restores the cache, without the positions appended since. */
  readonly revert: () => void;
}

/** A `SelfAttentionCache`, or all caches of a decoder. */
interface Reorderable {
  reorderSpeculatively(rows: DeviceRows): PendingReorder;
}

/** Row indices on the device. The caches of a decoder share one instance, since each array costs an op. */
export class DeviceRows {
  readonly #count: number;
  #keyValueRows: MxArray | undefined;

  /**
   * @param rows unchecked integers [B'], each below `batch`
   * @param batch number of rows to choose from
   */
  constructor(
    readonly rows: MxArray,
    batch: number,
  ) {
    this.#count = batch;
  }

  /** The indices for a buffer [2 × batch, …] that holds the keys of all rows before their values: [2 × B'] */
  get keyValueRows(): MxArray {
    return (this.#keyValueRows ??= mx.concatenate([this.rows, mx.add(this.rows, this.#count)]));
  }
}

/** Reorders all `caches`, or none if one throws. Call it within `tidy`. */
export function reorderSpeculatively(caches: readonly Reorderable[], rows: DeviceRows): PendingReorder {
  const pending: PendingReorder[] = [];
  const revert = (): void => {
    for (const one of pending) one.revert();
  };
  try {
    for (const cache of caches) pending.push(cache.reorderSpeculatively(rows));
  } catch (error) {
    revert();
    throw error;
  }
  const commit = (): void => {
    for (const one of pending) one.commit();
  };
  return { commit, revert };
}

/** Reordering the rows of a cache by what the device has chosen, before the host knows of it. */
import { mx, type MxArray } from '../index.js';

/** A reordering that is queued. It stands or falls once, when its rows are known on the host. */
export interface PendingReorder {
  /** The reordering stands: what was there before is freed. */
  readonly commit: () => void;
  /** The cache becomes what it was before, without the positions that were appended since. */
  readonly revert: () => void;
}

/** What is reordered: one `SelfAttentionCache`, or all of a decoder. */
interface Reorderable {
  reorderSpeculatively(rows: DeviceRows): PendingReorder;
}

/** Rows of a batch that are still on the device. The caches of a decoder share one, since each array costs an op. */
export class DeviceRows {
  readonly #count: number;
  #keyValueRows: MxArray | undefined;

  /**
   * @param rows whole numbers [B'], each below `batch`; nothing checks them
   * @param batch rows that there are to choose from
   */
  constructor(
    readonly rows: MxArray,
    batch: number,
  ) {
    this.#count = batch;
  }

  /** The same for a buffer [2 × batch, …] in which the values of all rows follow their keys: [2 × B'] */
  get keyValueRows(): MxArray {
    return (this.#keyValueRows ??= mx.concatenate([this.rows, mx.add(this.rows, this.#count)]));
  }
}

/** Reorders all `caches`, or none of them if one throws. Call it within `tidy`. */
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

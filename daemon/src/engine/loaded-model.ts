/** One model in memory and its leases. */
import type { Timer } from '../clock.js';
import type { Footprint, SpeechModel } from '#daemon/models/speech-model.js';
import type { EngineModel, ModelRef } from '#daemon/protocol/ipc.js';
import { totalBytes } from './memory-budget.js';

/** A model that stays in memory until it is released. */
export interface ModelLease {
  readonly model: SpeechModel;
  readonly release: () => void;
}

export class LoadedModel {
  readonly ref: ModelRef;
  readonly model: SpeechModel;
  readonly need: Footprint;
  readonly loadSeconds: number;
  holders = 0;
  /** Whether it is evicted once it has no holders. */
  evictWhenIdle = false;
  warm = false;
  /** Of its eviction, if one is scheduled. */
  evictTimer: Timer | undefined;

  constructor(ref: ModelRef, model: SpeechModel, need: Footprint, loadSeconds: number) {
    this.ref = ref;
    this.model = model;
    this.need = need;
    this.loadSeconds = loadSeconds;
  }

  /** @param onFree called when the last holder releases it */
  hold(onFree: () => void): ModelLease {
    this.holders += 1;
    this.evictTimer?.cancel();
    this.evictTimer = undefined;
    let released = false;
    return {
      model: this.model,
      release: () => {
        if (released) return;
        released = true;
        this.holders -= 1;
        if (this.holders === 0) onFree();
      },
    };
  }

  status(pinned: boolean): EngineModel {
    return {
      name: this.ref.name,
      dir: this.ref.dir,
      pinned,
      state: 'ready',
      family: this.model.family,
      loadSeconds: this.loadSeconds,
      predictedBytes: totalBytes(this.need),
      weightBytes: this.model.weightBytes,
    };
  }
}

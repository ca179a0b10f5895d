/** One model in memory, and who works with it. */
import type { Timer } from '../clock.js';
import type { Footprint } from '#daemon/models/footprint.js';
import type { SpeechModel } from '#daemon/models/speech-model.js';
import type { EngineModel, ModelRef } from '#daemon/protocol/ipc.js';
import { totalBytes } from './memory-room.js';

/** A model that stays in memory until it is let go of. */
export interface HeldModel {
  readonly model: SpeechModel;
  readonly release: () => void;
}

export class Resident {
  readonly ref: ModelRef;
  readonly model: SpeechModel;
  readonly need: Footprint;
  readonly loadSeconds: number;
  holders = 0;
  /** Whether it is to go when it is let go of. */
  goes = false;
  warm = false;
  /** Calls off its end, where that is near. */
  calm: Timer | undefined;

  constructor(ref: ModelRef, model: SpeechModel, need: Footprint, loadSeconds: number) {
    this.ref = ref;
    this.model = model;
    this.need = need;
    this.loadSeconds = loadSeconds;
  }

  /** @param onFree called when the last of its holders lets go */
  hold(onFree: () => void): HeldModel {
    this.holders += 1;
    this.calm?.cancel();
    this.calm = undefined;
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

  status(kept: boolean): EngineModel {
    return {
      name: this.ref.name,
      dir: this.ref.dir,
      kept,
      state: 'ready',
      family: this.model.family,
      loadSeconds: this.loadSeconds,
      predictedBytes: totalBytes(this.need),
      weightBytes: this.model.weightBytes,
    };
  }
}

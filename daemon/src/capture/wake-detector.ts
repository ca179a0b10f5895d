/**
 * Detects when an opened microphone delivers audio: a headset that wakes up delivers digital zeros for half a
 * second to two. That is the first sample that isn't zero; or a timeout, since a muted microphone delivers zeros
 * forever.
 */
import { SAMPLE_RATE } from '../protocol/live.js';

const WAKING_SAMPLES = 1.5 * SAMPLE_RATE;

export class WakeDetector {
  #samples = 0;
  #isAwake = false;

  /** Adds samples. @returns whether the microphone is awake */
  push(samples: Int16Array): boolean {
    this.#samples += samples.length;
    this.#isAwake ||= this.#samples >= WAKING_SAMPLES || samples.some((sample) => sample !== 0);
    return this.#isAwake;
  }
}

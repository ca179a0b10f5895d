/**
 * When a microphone that was opened can be said to listen: a headset that is woken gives digital zeros for half a second to
 * two. So at the first sample that is not zero; or after a while, since a muted microphone gives zeros for ever.
 */
import { SAMPLE_RATE } from '../../protocol/live.js';

const WAKING_SAMPLES = 1.5 * SAMPLE_RATE;

export class WakeDetector {
  #samples = 0;
  #isAwake = false;

  /** Whether it listens, with these samples behind those of before. */
  push(samples: Int16Array): boolean {
    this.#samples += samples.length;
    this.#isAwake ||= this.#samples >= WAKING_SAMPLES || samples.some((sample) => sample !== 0);
    return this.#isAwake;
  }
}

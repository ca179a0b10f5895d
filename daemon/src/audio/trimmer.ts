import { type PcmBlock } from './pcm-source.js';

/** Takes off what the encoder put before and behind the sound. */
export class Trimmer {
  #toSkip: number;
  #kept = 0;

  /**
   * @param skip samples before the sound
   * @param limit samples of sound; may be set, or lowered, when the end comes into sight
   */
  constructor(
    skip: number,
    public limit = Infinity,
  ) {
    this.#toSkip = Math.max(0, Math.round(skip));
  }

  /** What is left of the block, undefined if nothing is. */
  apply(block: PcmBlock): PcmBlock | undefined {
    const length = block.channels[0]?.length ?? 0;
    const start = Math.min(this.#toSkip, length);
    this.#toSkip -= start;
    const end = Math.min(length, start + Math.max(0, Math.round(this.limit) - this.#kept));
    if (end <= start) return undefined;
    this.#kept += end - start;
    if (start === 0 && end === length) return block;
    return {
      sampleRate: block.sampleRate,
      channels: block.channels.map((samples) => samples.subarray(start, end)),
    };
  }
}

import { type PcmBlock } from './pcm-source.js';

/** Removes the encoder's padding before and after the audio. */
export class Trimmer {
  #toSkip: number;
  #kept = 0;

  /**
   * @param skip samples before the audio
   * @param limit samples of audio; may be set or lowered when the end is known
   */
  constructor(
    skip: number,
    public limit = Infinity,
  ) {
    this.#toSkip = Math.max(0, Math.round(skip));
  }

  /** The remaining part of the block; undefined if nothing remains. */
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

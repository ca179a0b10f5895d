/** A block of decoded audio: one array per channel, all of the same length, full scale ±1. */
export interface PcmBlock {
  readonly channels: readonly Float32Array[];
  /** Hz. May change within some containers. */
  readonly sampleRate: number;
}

/** Decoded audio of a file, the same for every container. */
export interface PcmSource {
  /** 'wav', 'mp4', 'ogg', … */
  readonly container: string;
  /** 'pcm_s16le', 'aac', 'opus', … */
  readonly codec: string;
  readonly sampleRate: number;
  readonly channels: number;
  /** From the headers, or estimated; undefined if neither is possible. */
  readonly durationSeconds: number | undefined;
  /** Whether it is known that the file ends early. */
  readonly endsEarly?: boolean;
  /** Decodes on demand, once. Throws AUDIO_TRUNCATED *after* the last block of a file that ends early. */
  blocks(): AsyncGenerator<PcmBlock>;
  /** Stops the decoder process, if there is one. A pending block then fails. */
  stop?(): void;
}

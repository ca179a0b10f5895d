/** A stretch of decoded sound: one array a channel, all of one length, full scale ±1. */
export interface PcmBlock {
  readonly channels: readonly Float32Array[];
  /** Hz. Some containers may change it midway. */
  readonly sampleRate: number;
}

/** What every decoder in this room hands over, whatever the container. */
export interface PcmSource {
  /** 'wav', 'mp4', 'ogg', … */
  readonly container: string;
  /** 'pcm_s16le', 'aac', 'opus', … */
  readonly codec: string;
  readonly sampleRate: number;
  readonly channels: number;
  /** Known from the headers, or estimated; undefined where neither is possible. */
  readonly durationSeconds: number | undefined;
  /** Decodes as it is pulled, once. Throws AUDIO_TRUNCATED *after* the last block of a file that ends early. */
  blocks(): AsyncGenerator<PcmBlock>;
  /** Ends the process that decodes, where there is one. A block that is awaited then fails. */
  stop?(): void;
}

/** What the catalogue says of a model. */

export type Precision = 'float16' | '8-bit' | '4-bit';

/** How fast a size is beside the others, on one machine. */
export type SpeedClass = 'fastest' | 'fast' | 'medium' | 'slow';

export interface CatalogueEntry {
  /** What the user calls it, and the name of its folder. */
  readonly name: string;
  /** Other names that mean it. */
  readonly aliases: readonly string[];
  /** For people: `Whisper large-v3 turbo`. */
  readonly title: string;
  readonly family: 'whisper';
  /** On the hub: `owner/name`. */
  readonly repo: string;
  /**
   * Commit that was looked at. Left out where none is known for sure: then the newest is asked for when the model
   * is pulled, and written down beside it.
   */
  readonly revision?: string;
  readonly precision: Precision;
  readonly parameters: number;
  /** To be downloaded. */
  readonly bytes: number;
  /** Whether `bytes` is what the files of `revision` have, or is estimated from the number of parameters. */
  readonly bytesSource: 'published' | 'estimated';
  /** What the engine takes while it works with it on a GPU, estimated: weights, a window of 30 s, and itself. */
  readonly memoryBytes: number;
  /** 10⁹ floating-point operations of a decode step's window of live speech, the longest one. */
  readonly liveGigaflop: number;
  /** Bytes that a token reads on a GPU. */
  readonly tokenBytes: number;
  readonly languages: 'multilingual' | 'English';
  readonly license: 'MIT' | 'Apache-2.0';
  readonly speed: SpeedClass;
}

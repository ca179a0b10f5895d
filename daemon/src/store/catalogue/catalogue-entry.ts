/** A model of the catalogue. */
import type { ModelTask } from '../../protocol/model-tasks.js';

export type Precision = 'float16' | '8-bit' | '4-bit';

/** Speed relative to the other sizes on the same machine. */
export type SpeedClass = 'fastest' | 'fast' | 'medium' | 'slow';

export interface CatalogueEntry {
  /** What the user calls it, and the name of its directory. */
  readonly name: string;
  /** Alternative names. */
  readonly aliases: readonly string[];
  /** For people: `Whisper large-v3 turbo`. */
  readonly title: string;
  readonly family: string;
  /** What users choose it for. */
  readonly tasks: readonly ModelTask[];
  /** On the Hub: `owner/name`. */
  readonly repo: string;
  /**
   * The verified commit, or the Hub's ref of a proposed change (`refs/pr/5`) if only that has safetensors. Without one, a pull
   * resolves the newest commit. It records the commit with the model.
   */
  readonly revision?: string;
  readonly precision: Precision;
  readonly parameters: number;
  /** Download size. */
  readonly bytes: number;
  /** Whether `bytes` comes from the files of `revision`, or is estimated from the number of parameters. */
  readonly bytesSource: 'published' | 'estimated';
  /** Estimated memory of the engine with this model on a GPU: weights, a window of 30 s, and the process itself. */
  readonly memoryBytes: number;
  /** 10⁹ floating-point operations of the longest window of a decode step over live speech. */
  readonly liveGigaflop: number;
  /** Bytes that the GPU reads per token. */
  readonly tokenBytes: number;
  /** Codes; empty if they depend on the adapters that are pulled. */
  readonly languages: readonly string[];
  /** SPDX identifier of the license of the weights. */
  readonly license: string;
  /** Whether the license forbids commercial use. */
  readonly isNonCommercial?: boolean;
  readonly speed: SpeedClass;
}

/** For people: `MIT`, `CC-BY-NC-4.0 (no commercial use)`. */
export function licenseText({
  license,
  isNonCommercial,
}: Pick<CatalogueEntry, 'license' | 'isNonCommercial'>): string {
  return isNonCommercial === true ? `${license} (no commercial use)` : license;
}

/** Device memory that a model needs, known before it is loaded. */
export interface Footprint {
  /** Held while the model is loaded. */
  readonly weightBytes: number;
  /** Peak beyond the weights: a window of a file, with or without word timestamps, or a decode step of a live session. */
  readonly workBytes: number;
}

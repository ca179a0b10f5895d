/** What a model will take of the device's memory, told before it is loaded. */
export interface Footprint {
  /** For as long as it is loaded. */
  readonly weightBytes: number;
  /** Beside them, at the peak of its work: a window of a file, with or without times of words, or a look of a live session. */
  readonly workBytes: number;
}

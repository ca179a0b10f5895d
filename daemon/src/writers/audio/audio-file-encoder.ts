/** Encodes mono audio as a file, part by part, in memory that does not grow with its length. */
export interface AudioFileEncoder {
  /** The bytes before the audio. */
  begin(): Uint8Array;
  /** @param samples ±1, any number @returns the bytes that are complete; may be none */
  encode(samples: Float32Array): Uint8Array;
  /** After the last samples. @returns the last bytes, and those that replace the bytes of `begin` if the file can seek */
  finish(): { readonly tail: Uint8Array; readonly head?: Uint8Array };
  /** Releases the memory of the encoder, whether it finished or not. */
  free(): void;
}

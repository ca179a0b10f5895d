/** Audio of any chunking in blocks of a given size. */

export interface CodecBlock {
  readonly samples: Float32Array;
  /** Whether no block follows. */
  readonly isLast: boolean;
}

/** Blocks of `size` samples; the last one has 1 … `size`. Silent streams of no samples give no block. */
export async function* codecBlocks(
  chunks: AsyncIterable<Float32Array>,
  size: number,
): AsyncGenerator<CodecBlock, void> {
  let block = new Float32Array(size);
  let filled = 0;
  for await (let rest of chunks) {
    while (rest.length > 0) {
      // A full block is the last one only if nothing follows.
      if (filled === size) {
        yield { samples: block, isLast: false };
        block = new Float32Array(size);
        filled = 0;
      }
      const part = rest.subarray(0, size - filled);
      block.set(part, filled);
      filled += part.length;
      rest = rest.subarray(part.length);
    }
  }
  if (filled > 0) yield { samples: block.subarray(0, filled), isLast: true };
}

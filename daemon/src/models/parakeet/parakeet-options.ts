/** What only Parakeet has: its options. */
import * as v from 'valibot';

import { integer } from '#daemon/protocol/fields.js';

const contextFrames = v.pipe(integer, v.minValue(1), v.maxValue(10_000));

export const parakeetOptionsSchema = v.strictObject({
  /** The head of a model that has two; default `transducer`, which is more accurate. */
  head: v.exactOptional(v.picklist(['transducer', 'ctc'])),
  /**
   * Frames of 80 ms before and after its own that a frame sees, such as [256, 256]. Speech without pauses is then cut every five
   * minutes only. A model that was trained with all frames loses some accuracy.
   */
  localAttention: v.exactOptional(v.tuple([contextFrames, contextFrames])),
});
export type ParakeetOptions = v.InferOutput<typeof parakeetOptionsSchema>;

declare module '#daemon/protocol/family-options.js' {
  interface FamilyOptions {
    parakeet?: ParakeetOptions;
  }
}

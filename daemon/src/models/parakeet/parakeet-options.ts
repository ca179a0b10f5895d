/** What only Parakeet has: its options. */
import * as v from 'valibot';

export const parakeetOptionsSchema = v.strictObject({
  /** The head of a model that has two; default `transducer`, which is more accurate. */
  head: v.exactOptional(v.picklist(['transducer', 'ctc'])),
});
export type ParakeetOptions = v.InferOutput<typeof parakeetOptionsSchema>;

declare module '#daemon/protocol/family-options.js' {
  interface FamilyOptions {
    parakeet?: ParakeetOptions;
  }
}

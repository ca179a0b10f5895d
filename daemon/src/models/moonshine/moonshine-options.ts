/** What only Moonshine has: its options. */
import * as v from 'valibot';

import { inRange } from '#daemon/protocol/fields.js';

export const moonshineOptionsSchema = v.strictObject({
  /**
   * The most tokens for a second of audio, from which the most tokens of a piece follow; default 6.5, as its authors
   * recommend. Without a limit the model may loop until its context is full.
   */
  maxTokensPerSecond: v.exactOptional(inRange(1, 20)),
});
export type MoonshineOptions = v.InferOutput<typeof moonshineOptionsSchema>;

declare module '#daemon/protocol/family-options.js' {
  interface FamilyOptions {
    moonshine?: MoonshineOptions;
  }
}

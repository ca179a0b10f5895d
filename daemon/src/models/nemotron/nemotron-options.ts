/** What only Nemotron has: its options. */
import * as v from 'valibot';

export const nemotronOptionsSchema = v.strictObject({
  /** Audio that the model collects before it computes: more is more accurate. As the model recommends if omitted. */
  lookaheadMs: v.exactOptional(v.picklist([80, 160, 320, 560, 1120])),
});
export type NemotronOptions = v.InferOutput<typeof nemotronOptionsSchema>;

declare module '#daemon/protocol/family-options.js' {
  interface FamilyOptions {
    nemotron?: NemotronOptions;
  }
}

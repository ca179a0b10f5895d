/** Messages to a child process that measures for `sotto doctor --selftest`: one request, one reply. */
import * as v from 'valibot';
import { finite, integer } from './fields.js';
import { errorSchema } from './wire-error.js';

export const selftestRequestSchema = v.variant('type', [
  /** Load the addon, and run one kernel cold and warm. */
  v.object({ type: v.literal('load') }),
  /** Compare the ops of a Whisper block with float64. */
  v.object({ type: v.literal('numbers') }),
  /** Compare a model's output for a clip with stored numbers: `file` is in assets/selftest. */
  v.object({ type: v.literal('reference'), file: v.string(), dir: v.string(), clip: v.string() }),
  /** Measure the machine. */
  v.object({ type: v.literal('machine') }),
  /** Measure a model on a clip. `readGbPerSecond`: the memory bandwidth, which limits the tokens per second. */
  v.object({ type: v.literal('model'), dir: v.string(), clip: v.string(), readGbPerSecond: finite }),
  /** Load a model, transcribe, free it, and count what remains. */
  v.object({ type: v.literal('leaks'), dir: v.string(), clip: v.string() }),
  /** Exit while queued work runs. */
  v.object({ type: v.literal('exit') }),
]);
export type SelftestRequest = v.InferOutput<typeof selftestRequestSchema>;

const opErrorSchema = v.object({
  op: v.string(),
  /** Largest difference divided by the largest expected value. */
  error: v.number(),
  limit: finite,
});
export type OpError = v.InferOutput<typeof opErrorSchema>;

const loadResultSchema = v.object({
  mlx: v.string(),
  device: v.string(),
  facts: v.record(v.string(), v.union([v.string(), v.number()])),
  coldMs: finite,
  warmMs: finite,
});
export type LoadResult = v.InferOutput<typeof loadResultSchema>;

const referenceResultSchema = v.object({
  device: v.string(),
  /** Whether the weights and the clip are those of the stored numbers. */
  sameWeights: v.boolean(),
  sameClip: v.boolean(),
  /** Largest difference of the encoder output divided by its largest value; NaN if it contains NaN. */
  encoderError: v.number(),
  encoderLimit: finite,
  tokens: integer,
  equalTokens: integer,
  /** `margin`: logit of the expected token minus that of the second. */
  differing: v.array(v.object({ position: integer, expected: integer, found: integer, margin: finite })),
  /** A token with a smaller margin may differ by rounding. */
  marginLimit: finite,
});
export type ReferenceResult = v.InferOutput<typeof referenceResultSchema>;

const productTimesSchema = v.object({
  rows: integer,
  /** The product is [rows, width] × [width, width]. */
  width: integer,
  /** 6-bit weights in groups of 128, and 16-bit weights. */
  packedMs: finite,
  plainMs: finite,
});
export type ProductTimes = v.InferOutput<typeof productTimesSchema>;

const machineResultSchema = v.object({
  device: v.string(),
  readGbPerSecond: finite,
  gflops: finite,
  hostMicrosPerOp: finite,
  readyP50Ms: finite,
  readyP95Ms: finite,
  /** Extra buffers of the key-value cache that 50 queued steps hold: 0 if it is updated in place. */
  cacheCopies: finite,
  products: v.array(productTimesSchema),
});
export type MachineResult = v.InferOutput<typeof machineResultSchema>;

const modelSpeedSchema = v.object({
  loadSeconds: finite,
  warmUpSeconds: finite,
  encodeMs: finite,
  tokens: integer,
  tokensPerSecond: finite,
  /** The limit given by the memory bandwidth. */
  boundTokensPerSecond: finite,
  text: v.string(),
});
export type ModelSpeed = v.InferOutput<typeof modelSpeedSchema>;

const leakResultSchema = v.object({
  /** Arrays alive after the model was freed minus those before it was loaded. */
  arrays: integer,
  bytes: integer,
});

export const selftestReplySchema = v.variant('type', [
  v.object({ type: v.literal('loaded'), facts: loadResultSchema }),
  v.object({ type: v.literal('numbers'), device: v.string(), ops: v.array(opErrorSchema) }),
  v.object({ type: v.literal('reference'), facts: referenceResultSchema }),
  v.object({ type: v.literal('machine'), facts: machineResultSchema }),
  v.object({ type: v.literal('model'), facts: modelSpeedSchema }),
  v.object({ type: v.literal('leaks'), facts: leakResultSchema }),
  v.object({ type: v.literal('failed'), error: errorSchema }),
]);
export type SelftestReply = v.InferOutput<typeof selftestReplySchema>;

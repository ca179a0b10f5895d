/** What a process of the engine's kind measures for `sotto doctor --selftest`: one request, one reply. */
import * as v from 'valibot';
import { finite, integer } from './fields.js';
import { errorSchema } from './wire-error.js';

export const selftestRequestSchema = v.variant('type', [
  /** Load the addon, and run a first kernel cold and warm. */
  v.object({ type: v.literal('load') }),
  /** The ops of a Whisper block against float64. */
  v.object({ type: v.literal('numbers') }),
  /** A model on a clip against stored numbers: `file` lies in assets/selftest. */
  v.object({ type: v.literal('reference'), file: v.string(), dir: v.string(), clip: v.string() }),
  /** What the machine can do. */
  v.object({ type: v.literal('machine') }),
  /** How much of it a model uses on a clip. `readGbPerSecond`: the memory's rate, which bounds the tokens. */
  v.object({ type: v.literal('model'), dir: v.string(), clip: v.string(), readGbPerSecond: finite }),
  /** Load a model, transcribe, free it, and count what is left. */
  v.object({ type: v.literal('leaks'), dir: v.string(), clip: v.string() }),
  /** Queue work, and end while it runs. */
  v.object({ type: v.literal('exit') }),
]);
export type SelftestRequest = v.InferOutput<typeof selftestRequestSchema>;

const opErrorSchema = v.object({
  op: v.string(),
  /** Largest difference over the largest number of the right result. */
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
  /** Whether the weights and the clip are those that the numbers were made with. */
  sameWeights: v.boolean(),
  sameClip: v.boolean(),
  /** Largest difference of the encoder's output over its largest number; NaN where one is no number. */
  encoderError: v.number(),
  encoderLimit: finite,
  tokens: integer,
  equalTokens: integer,
  /** Tokens that differ. `margin`: how far the right one was above the second, in logits. */
  differing: v.array(v.object({ position: integer, expected: integer, found: integer, margin: finite })),
  /** A token with a smaller margin may differ: rounding explains it. */
  marginLimit: finite,
});
export type ReferenceResult = v.InferOutput<typeof referenceResultSchema>;

const productTimesSchema = v.object({
  rows: integer,
  /** Width of the model: the product is [rows, width] × [width, width]. */
  width: integer,
  /** Weights of 6 bits in groups of 128 against weights of 16 bits. */
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
  /** Further buffers of the key-value cache that 50 queued steps hold: 0 where they are written in place. */
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
  /** The most that the memory's rate allows. */
  boundTokensPerSecond: finite,
  text: v.string(),
});
export type ModelSpeed = v.InferOutput<typeof modelSpeedSchema>;

const leakResultSchema = v.object({
  /** Arrays that are still there once the model is freed, more than before it was loaded. */
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

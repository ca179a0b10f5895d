/** What a process of the engine's kind measures for `sotto doctor --selftest`: one request, one reply. */
import * as v from 'valibot';
import { finite, whole } from './fields.js';
import { errorSchema } from './wire-error.js';

export const selftestRequestSchema = v.variant('type', [
  /** Load the addon, and run a first kernel cold and warm. */
  v.object({ type: v.literal('load') }),
  /** The ops of a Whisper block against float64. */
  v.object({ type: v.literal('numbers') }),
  /** What the machine can do, and how much of it a model uses on a clip. */
  v.object({ type: v.literal('speed'), dir: v.string(), clip: v.string() }),
  /** Queue work, and end while it runs. */
  v.object({ type: v.literal('exit') }),
]);
export type SelftestRequest = v.InferOutput<typeof selftestRequestSchema>;

export const opErrorSchema = v.object({
  op: v.string(),
  /** Largest difference over the largest number of the right result. */
  error: v.number(),
  limit: finite,
});
export type OpError = v.InferOutput<typeof opErrorSchema>;

export const loadFactsSchema = v.object({
  mlx: v.string(),
  device: v.string(),
  facts: v.record(v.string(), v.union([v.string(), v.number()])),
  coldMs: finite,
  warmMs: finite,
});
export type LoadFacts = v.InferOutput<typeof loadFactsSchema>;

export const speedFactsSchema = v.object({
  readGbPerSecond: finite,
  gflops: finite,
  hostMicrosPerOp: finite,
  readyP50Ms: finite,
  readyP95Ms: finite,
  /** Buffers of the key-value cache that 50 queued steps hold more than two: 0 where they are written in place. */
  cacheCopies: finite,
  loadSeconds: finite,
  warmUpSeconds: finite,
  encodeMs: finite,
  tokens: whole,
  tokensPerSecond: finite,
  /** The most that the memory's rate allows. */
  boundTokensPerSecond: finite,
  text: v.string(),
});
export type SpeedFacts = v.InferOutput<typeof speedFactsSchema>;

export const selftestReplySchema = v.variant('type', [
  v.object({ type: v.literal('loaded'), facts: loadFactsSchema }),
  v.object({ type: v.literal('numbers'), device: v.string(), ops: v.array(opErrorSchema) }),
  v.object({ type: v.literal('speed'), facts: speedFactsSchema }),
  v.object({ type: v.literal('failed'), error: errorSchema }),
]);
export type SelftestReply = v.InferOutput<typeof selftestReplySchema>;

/** What a command and the process that works on a model's files say to each other. */
import * as v from 'valibot';
import { finite, whole } from './fields.js';
import { errorSchema } from './wire-error.js';

export const WEIGHT_TYPES = ['float16', 'bfloat16', 'float32'] as const;
export const WEIGHT_BITS = [2, 3, 4, 5, 6, 8] as const;
export const GROUP_SIZES = [32, 64, 128] as const;

const convertOptionsSchema = v.object({
  /** Bits of a packed weight; weights are not packed if left out. */
  bits: v.exactOptional(v.picklist(WEIGHT_BITS)),
  /** Weights that share a scale. */
  groupSize: v.picklist(GROUP_SIZES),
  /** Of what is not packed, and of scales. */
  dtype: v.picklist(WEIGHT_TYPES),
});
export type ConvertOptions = v.InferOutput<typeof convertOptionsSchema>;

const factsSchema = v.object({
  family: v.string(),
  /** Whose way of naming weights it is in. */
  layout: v.string(),
  parameters: whole,
  /** Of the weights that are not packed. */
  dtype: v.string(),
  quantization: v.exactOptional(v.object({ bits: whole, groupSize: whole })),
  languages: v.array(v.string()),
  /** Names of arrays that hold NaN or infinities. */
  notFinite: v.array(v.string()),
  files: v.array(v.object({ name: v.string(), bytes: whole, sha256: v.string() })),
});
export type ModelFacts = v.InferOutput<typeof factsSchema>;

export const modelRequestSchema = v.variant('type', [
  v.object({ type: v.literal('inspect'), dir: v.string() }),
  /** `out` must not be there, or may be replaced if `force`. */
  v.object({
    type: v.literal('convert'),
    dir: v.string(),
    out: v.string(),
    force: v.boolean(),
    options: convertOptionsSchema,
  }),
  v.object({ type: v.literal('cancel') }),
]);
export type ModelRequest = v.InferOutput<typeof modelRequestSchema>;

export const modelReplySchema = v.variant('type', [
  v.object({
    type: v.literal('progress'),
    stage: v.picklist(['converting', 'checking']),
    fraction: finite,
  }),
  v.object({ type: v.literal('done'), facts: factsSchema }),
  v.object({ type: v.literal('failed'), error: errorSchema }),
]);
export type ModelReply = v.InferOutput<typeof modelReplySchema>;

/** What a command and the process that works on a model's files say to each other. */
import * as v from 'valibot';
import { finite, integer } from './fields.js';
import { errorSchema } from './wire-error.js';

export const WEIGHT_TYPES = ['float16', 'bfloat16', 'float32'] as const;
export const WEIGHT_BITS = [2, 3, 4, 5, 6, 8] as const;
export const GROUP_SIZES = [32, 64, 128] as const;
/** Of layers that have bits of their own; 16: not packed. */
export const LAYER_BITS = [...WEIGHT_BITS, 16] as const;

const convertOptionsSchema = v.object({
  /** Bits of a packed weight; weights are not packed if left out. */
  bits: v.exactOptional(v.picklist(WEIGHT_BITS)),
  /** Of the first and the last block of encoder and decoder; as the others if left out. */
  endBits: v.exactOptional(v.picklist(LAYER_BITS)),
  /** Of the token embedding, which is the output layer too; as the others if left out. */
  embeddingBits: v.exactOptional(v.picklist(LAYER_BITS)),
  /** Layers by name, `*` for any part of it, before all that is above; the last that fits a layer counts. */
  layers: v.exactOptional(v.array(v.object({ pattern: v.string(), bits: v.picklist(LAYER_BITS) }))),
  /** Weights that share a scale. */
  groupSize: v.picklist(GROUP_SIZES),
  /** Of what is not packed, and of scales. */
  dtype: v.picklist(WEIGHT_TYPES),
});
export type ConvertOptions = v.InferOutput<typeof convertOptionsSchema>;

const footprintSchema = v.object({ weightBytes: integer, workBytes: integer });
export type FootprintBytes = v.InferOutput<typeof footprintSchema>;

const metadataSchema = v.object({
  family: v.string(),
  /** Whose way of naming weights it is in. */
  layout: v.string(),
  parameters: integer,
  /** Of the weights that are not packed. */
  dtype: v.string(),
  quantization: v.exactOptional(v.object({ bits: integer, groupSize: integer })),
  /** How many layers are stored how, where it is not in one way; those that are not packed have the bits of `dtype`. */
  layers: v.exactOptional(
    v.array(v.object({ bits: integer, groupSize: v.exactOptional(integer), count: integer })),
  ),
  /** What it will take of the device's memory here. */
  footprint: v.exactOptional(footprintSchema),
  languages: v.array(v.string()),
  /** Names of arrays that hold NaN or infinities. */
  notFinite: v.array(v.string()),
  files: v.array(v.object({ name: v.string(), bytes: integer, sha256: v.string() })),
});
export type ModelMetadata = v.InferOutput<typeof metadataSchema>;

const clipSchema = v.object({ file: v.string(), language: v.exactOptional(v.string()) });

const measurementSchema = v.object({
  /** From its folder to ready, its files in memory already. */
  loadSeconds: finite,
  weightBytes: integer,
  /** The most that MLX had at once while it transcribed, the weights included. */
  peakBytes: integer,
  audioSeconds: finite,
  workSeconds: finite,
  tokens: integer,
  /** Seconds of decoding alone. */
  decodeSeconds: finite,
  /** What it heard in each clip. */
  transcripts: v.array(v.string()),
});
export type ModelMeasurement = v.InferOutput<typeof measurementSchema>;

export const modelRequestSchema = v.variant('type', [
  v.object({ type: v.literal('inspect'), dir: v.string() }),
  v.object({ type: v.literal('footprint'), dir: v.string() }),
  /** Loads the model and lets it transcribe clips. */
  v.object({ type: v.literal('measure'), dir: v.string(), clips: v.array(clipSchema) }),
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
    stage: v.picklist(['converting', 'checking', 'listening']),
    fraction: finite,
  }),
  v.object({ type: v.literal('done'), facts: metadataSchema }),
  v.object({ type: v.literal('footprint'), footprint: footprintSchema }),
  v.object({ type: v.literal('measurement'), measurement: measurementSchema }),
  v.object({ type: v.literal('failed'), error: errorSchema }),
]);
export type ModelReply = v.InferOutput<typeof modelReplySchema>;

/** Messages between a command and the child process that inspects, converts and measures a model. */
import * as v from 'valibot';
import { alignmentSchema } from './aligned-text.js';
import { capabilitiesSchema } from './capabilities.js';
import { finite, integer } from './fields.js';
import { MODEL_TASKS } from './model-tasks.js';
import { errorSchema } from './wire-error.js';

export const WEIGHT_TYPES = ['float16', 'bfloat16', 'float32'] as const;
export const WEIGHT_BITS = [2, 3, 4, 5, 6, 8] as const;
export const GROUP_SIZES = [32, 64, 128] as const;
/** Bits of a single layer; 16: not quantized. */
export const LAYER_BITS = [...WEIGHT_BITS, 16] as const;

const convertOptionsSchema = v.object({
  /** Bits of a quantized weight; not quantized if omitted. */
  bits: v.exactOptional(v.picklist(WEIGHT_BITS)),
  /** Bits of the first and last block of encoder and decoder; default `bits`. */
  endBits: v.exactOptional(v.picklist(LAYER_BITS)),
  /** Bits of the token embedding, which is also the output layer; default `bits`. */
  embeddingBits: v.exactOptional(v.picklist(LAYER_BITS)),
  /** Bits of layers by name, with `*` as a wildcard. They override the options above; the last match wins. */
  layers: v.exactOptional(v.array(v.object({ pattern: v.string(), bits: v.picklist(LAYER_BITS) }))),
  /** Number of weights that share a scale; the usual one of the family if omitted. */
  groupSize: v.exactOptional(v.picklist(GROUP_SIZES)),
  /** Type of the scales and of weights that are not quantized. */
  dtype: v.picklist(WEIGHT_TYPES),
});
export type ConvertOptions = v.InferOutput<typeof convertOptionsSchema>;

const footprintSchema = v.object({ weightBytes: integer, workBytes: integer });
export type FootprintBytes = v.InferOutput<typeof footprintSchema>;

const metadataSchema = v.object({
  family: v.string(),
  /** Naming scheme of the weights, such as `mlx`. */
  layout: v.string(),
  parameters: integer,
  /** Type of the weights that are not quantized. */
  dtype: v.string(),
  quantization: v.exactOptional(v.object({ bits: integer, groupSize: integer })),
  /** Counts of layers by storage, if it is mixed; layers that are not quantized have the bits of `dtype`. */
  layers: v.exactOptional(
    v.array(v.object({ bits: integer, groupSize: v.exactOptional(integer), count: integer })),
  ),
  /** Predicted device memory. */
  footprint: v.exactOptional(footprintSchema),
  languages: v.array(v.string()),
  tasks: v.array(v.picklist(MODEL_TASKS)),
  /** Names of arrays that contain NaN or infinities. */
  notFinite: v.array(v.string()),
  files: v.array(v.object({ name: v.string(), bytes: integer, sha256: v.string() })),
});
export type ModelMetadata = v.InferOutput<typeof metadataSchema>;

const descriptionSchema = v.object({ family: v.string(), capabilities: capabilitiesSchema });
export type ModelDescription = v.InferOutput<typeof descriptionSchema>;

const clipSchema = v.object({ file: v.string(), language: v.exactOptional(v.string()) });

const measurementSchema = v.object({
  /** Loading time with the files in the page cache. */
  loadSeconds: finite,
  weightBytes: integer,
  /** Peak MLX memory while transcribing, including the weights. */
  peakBytes: integer,
  audioSeconds: finite,
  workSeconds: finite,
  tokens: integer,
  /** Decoding only, without encoding. */
  decodeSeconds: finite,
  /** One for each clip. */
  transcripts: v.array(v.string()),
});
export type ModelMeasurement = v.InferOutput<typeof measurementSchema>;

export const modelRequestSchema = v.variant('type', [
  v.object({ type: v.literal('inspect'), dir: v.string() }),
  v.object({ type: v.literal('footprint'), dir: v.string() }),
  /** What the models can do. */
  v.object({ type: v.literal('describe'), dirs: v.array(v.string()) }),
  /** Loads the model and transcribes the clips. */
  v.object({ type: v.literal('measure'), dir: v.string(), clips: v.array(clipSchema) }),
  /** `out` must not exist, unless `force` permits to replace it. */
  v.object({
    type: v.literal('convert'),
    dir: v.string(),
    out: v.string(),
    force: v.boolean(),
    options: convertOptionsSchema,
  }),
  /** Finds the times of a text in an audio file. */
  v.object({
    type: v.literal('align'),
    dir: v.string(),
    file: v.string(),
    text: v.string(),
    language: v.exactOptional(v.string()),
  }),
  v.object({ type: v.literal('cancel') }),
]);
export type ModelRequest = v.InferOutput<typeof modelRequestSchema>;

export const modelReplySchema = v.variant('type', [
  v.object({
    type: v.literal('progress'),
    stage: v.picklist(['converting', 'checking', 'listening', 'aligning']),
    fraction: finite,
  }),
  v.object({ type: v.literal('done'), facts: metadataSchema }),
  v.object({ type: v.literal('footprint'), footprint: footprintSchema }),
  v.object({
    type: v.literal('descriptions'),
    /** In the order of the request. */
    models: v.array(v.union([descriptionSchema, v.object({ error: errorSchema })])),
  }),
  v.object({ type: v.literal('measurement'), measurement: measurementSchema }),
  v.object({ type: v.literal('alignment'), alignment: alignmentSchema }),
  v.object({ type: v.literal('failed'), error: errorSchema }),
]);
export type ModelReply = v.InferOutput<typeof modelReplySchema>;

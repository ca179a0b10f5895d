/** `config.json` with the sections of a NeMo model, as mlx-community stores it. */
import * as v from 'valibot';

import { defined } from '#daemon/protocol/defined.js';
import { integer } from '#daemon/protocol/fields.js';

import { dimension, layerCount, pieces, symbolLimit } from '../checkpoint/config-limits.js';
import { parseFields } from '../checkpoint/config-fields.js';
import { quantizationSchema, storedQuantization } from '../checkpoint/quantization.js';
import { encoderOfNemo, nemoEncoderFields, tokensOfNemo } from '../conformer/conformer-fields.js';
import type { NemotronConfig, PromptConfig } from './nemotron-config.js';

const STYLE = 'chunked_limited';
const count = v.pipe(integer, v.minValue(0));
const context = v.pipe(v.tuple([count, count]));

const schema = v.object({
  target: v.pipe(v.string(), v.regex(/EncDec\w*RNNT\w*$/, 'is no transducer')),
  preprocessor: v.object({
    sample_rate: v.optional(v.literal(16_000)),
    normalize: v.nullish(v.picklist(['NA', 'none'])),
    window_size: v.optional(v.literal(0.025)),
    window_stride: v.optional(v.literal(0.01)),
    window: v.optional(v.literal('hann')),
    features: dimension,
    n_fft: v.nullish(v.literal(512)),
  }),
  encoder: v.object({
    ...nemoEncoderFields,
    causal_downsampling: v.literal(true),
    att_context_style: v.literal(STYLE),
    /** Pairs of frames before and after; the first one is the default. */
    att_context_size: v.union([context, v.pipe(v.array(context), v.minLength(1))]),
    conv_norm_type: v.literal('layer_norm'),
    conv_context_size: v.literal('causal'),
  }),
  decoder: v.object({
    blank_as_pad: v.optional(v.literal(true)),
    prednet: v.object({ pred_hidden: dimension, pred_rnn_layers: layerCount }),
  }),
  joint: v.object({
    num_classes: v.nullish(v.number()),
    vocabulary: v.nullish(pieces),
    jointnet: v.object({
      joint_hidden: dimension,
      activation: v.optional(v.picklist(['relu', 'tanh', 'sigmoid']), 'relu'),
    }),
  }),
  decoding: v.nullish(v.object({ greedy: v.nullish(v.object({ max_symbols: v.nullish(symbolLimit) })) })),
  /** Of a model that is told the language. */
  num_prompts: v.nullish(dimension),
  model_defaults: v.nullish(
    v.object({
      initialize_prompt_feature: v.nullish(v.boolean()),
      num_prompts: v.nullish(dimension),
      prompt_dictionary: v.nullish(v.object({ auto: v.nullish(count) })),
    }),
  ),
  quantization: v.exactOptional(quantizationSchema),
});
type NemoFile = v.InferOutput<typeof schema>;

/** NeMo's own defaults. */
const MAX_SYMBOLS = 10;
const PROMPT_SLOTS = 128;
/** In the published checkpoint. */
const AUTO_SLOT = 101;

export function isNemoConfig({ target, encoder }: Readonly<Record<string, unknown>>): boolean {
  if (typeof target !== 'string' || !target.startsWith('nemo.collections.asr.')) return false;
  const style = typeof encoder === 'object' && encoder !== null && 'att_context_style' in encoder;
  return style && encoder.att_context_style === STYLE;
}

/** @throws SottoError MODEL_UNSUPPORTED naming the field */
export function parseNemo(json: Readonly<Record<string, unknown>>): NemotronConfig {
  const file = parseFields(schema, json);
  const { encoder: e, preprocessor, decoder, joint, decoding, quantization } = file;
  const tokens = tokensOfNemo(joint.vocabulary, joint.num_classes, 'joint');
  const [first] = e.att_context_size;
  const [left, right] =
    typeof first === 'number' ? (e.att_context_size as [number, number]) : (first ?? [0, 0]);
  return {
    encoder: { ...encoderOfNemo(e, preprocessor.features), leftFrames: left },
    lookahead: right,
    tokens,
    transducer: {
      encoderDims: e.d_model,
      tokens,
      predictionDims: decoder.prednet.pred_hidden,
      predictionLayers: decoder.prednet.pred_rnn_layers,
      jointDims: joint.jointnet.joint_hidden,
      activation: joint.jointnet.activation,
      durations: [],
      maxSymbols: decoding?.greedy?.max_symbols ?? MAX_SYMBOLS,
    },
    ...defined({
      prompt: promptOf(file),
      vocabulary: joint.vocabulary ?? undefined,
      quantization: quantization && storedQuantization(quantization),
    }),
  };
}

/** Its layers are twice as wide as the encoder. */
function promptOf({
  target,
  encoder,
  num_prompts: slots,
  model_defaults: defaults,
}: NemoFile): PromptConfig | undefined {
  const hasPrompt = defaults?.initialize_prompt_feature ?? target.endsWith('WithPrompt');
  if (!hasPrompt) return undefined;
  return {
    slots: slots ?? defaults?.num_prompts ?? PROMPT_SLOTS,
    hiddenDims: 2 * encoder.d_model,
    autoSlot: defaults?.prompt_dictionary?.auto ?? AUTO_SLOT,
  };
}

/** `config.json` with the sections of a NeMo model, as mlx-community stores it. */
import * as v from 'valibot';

import { defined } from '#daemon/protocol/defined.js';
import { integer } from '#daemon/protocol/fields.js';

import { dimension, durations, layerCount, pieces, symbolLimit } from '../checkpoint/config-limits.js';
import { encoderOfNemo, nemoEncoderFields, tokensOfNemo } from '../conformer/conformer-fields.js';
import type { AttentionContext } from '../conformer/conformer-config.js';
import type { ParakeetConfig } from './parakeet-config.js';
import { parseFields, unsupportedConfig } from '../checkpoint/config-fields.js';
import { quantizationSchema, storedQuantization } from '../checkpoint/quantization.js';

const MODELS = /^nemo\.collections\.asr\.models\.[\w.]*EncDec(CTC|RNNT|HybridRNNTCTC)\w*$/;

/** Far more than anyone trains with. */
const MAX_CONTEXT_FRAMES = 100_000;

/** NeMo's own default. */
const MAX_SYMBOLS = 10;

/** Frames before and after its own that a frame sees; -1: all. */
const contextSide = v.pipe(integer, v.minValue(-1), v.maxValue(MAX_CONTEXT_FRAMES));

const encoder = v.object({
  ...nemoEncoderFields,
  self_attention_model: v.picklist(['rel_pos', 'rel_pos_local_attn']),
  att_context_size: v.nullish(v.tuple([contextSide, contextSide])),
  att_context_style: v.nullish(v.literal('regular')),
  global_tokens: v.nullish(v.literal(0)),
  causal_downsampling: v.optional(v.literal(false)),
  conv_norm_type: v.optional(v.literal('batch_norm')),
  conv_context_size: v.nullish(v.null()),
});

const preprocessor = v.object({
  sample_rate: v.optional(v.literal(16_000), 16_000),
  normalize: v.optional(v.nullable(v.picklist(['per_feature', 'NA'])), 'per_feature'),
  window_size: v.optional(v.literal(0.025)),
  window_stride: v.optional(v.literal(0.01)),
  window: v.optional(v.literal('hann')),
  features: dimension,
  n_fft: v.optional(v.nullable(v.literal(512))),
  preemph: v.optional(v.nullable(v.literal(0.97))),
  mag_power: v.optional(v.literal(2)),
  log: v.optional(v.literal(true)),
  frame_splicing: v.optional(v.literal(1)),
});

const greedy = v.nullish(
  v.object({ max_symbols: v.nullish(symbolLimit), max_symbols_per_step: v.nullish(symbolLimit) }),
);
const ctcHead = v.object({ vocabulary: v.nullish(pieces), num_classes: v.nullish(v.number()) });

const common = {
  target: v.pipe(v.string(), v.regex(MODELS, 'is no speech recognizer that Sotto knows')),
  preprocessor,
  encoder,
  quantization: v.exactOptional(quantizationSchema),
};
const ctcFile = v.object({ ...common, decoder: ctcHead });
const transducerFile = v.object({
  ...common,
  decoder: v.object({
    vocab_size: v.optional(v.number()),
    blank_as_pad: v.optional(v.literal(true)),
    prednet: v.object({ pred_hidden: dimension, pred_rnn_layers: layerCount }),
  }),
  joint: v.object({
    num_classes: v.nullish(v.number()),
    vocabulary: v.nullish(pieces),
    num_extra_outputs: v.optional(v.number(), 0),
    jointnet: v.object({
      joint_hidden: dimension,
      activation: v.optional(v.picklist(['relu', 'tanh', 'sigmoid']), 'relu'),
    }),
  }),
  model_defaults: v.nullish(v.object({ tdt_durations: v.nullish(durations) })),
  decoding: v.nullish(v.object({ durations: v.nullish(v.array(v.number())), greedy })),
});

export function isNemoConfig({ target }: Readonly<Record<string, unknown>>): boolean {
  return typeof target === 'string' && target.startsWith('nemo.collections.asr.');
}

/** @throws SottoError MODEL_UNSUPPORTED naming the field */
export function parseNemo(json: Readonly<Record<string, unknown>>): ParakeetConfig {
  const { target } = parseFields(v.object({ target: common.target }), json);
  return MODELS.exec(target)?.[1] === 'CTC' ? parseCtc(json) : parseTransducer(json, target);
}

function parseCtc(json: unknown): ParakeetConfig {
  const file = parseFields(ctcFile, json);
  const { vocabulary, num_classes: classes } = file.decoder;
  return {
    ...encoderOf(file),
    ...vocabularyOf(vocabulary, classes, 'decoder'),
    hasCtc: true,
  };
}

function parseTransducer(json: unknown, target: string): ParakeetConfig {
  const file = parseFields(transducerFile, json);
  const { decoder, joint, model_defaults: defaults, decoding } = file;
  const { vocabulary, num_classes: classes, num_extra_outputs: extra, jointnet } = joint;
  const skips = defaults?.tdt_durations ?? [];
  if (extra !== skips.length) {
    throw unsupportedConfig(`joint.num_extra_outputs: ${extra} outputs for ${skips.length} durations`);
  }
  const common = { ...encoderOf(file), ...vocabularyOf(vocabulary, classes, 'joint') };
  return {
    ...common,
    transducer: {
      encoderDims: common.encoder.dims,
      tokens: common.tokens,
      predictionDims: decoder.prednet.pred_hidden,
      predictionLayers: decoder.prednet.pred_rnn_layers,
      jointDims: jointnet.joint_hidden,
      activation: jointnet.activation,
      durations: skips,
      maxSymbols: decoding?.greedy?.max_symbols ?? decoding?.greedy?.max_symbols_per_step ?? MAX_SYMBOLS,
    },
    hasCtc: MODELS.exec(target)?.[1] === 'HybridRNNTCTC',
  };
}

function vocabularyOf(
  vocabulary: readonly string[] | null | undefined,
  classes: number | null | undefined,
  section: string,
) {
  const tokens = tokensOfNemo(vocabulary, classes, section);
  return { tokens, ...defined({ vocabulary: vocabulary ?? undefined }) };
}

function encoderOf({
  encoder: e,
  preprocessor: p,
  quantization,
}: v.InferOutput<typeof ctcFile | typeof transducerFile>) {
  return {
    encoder: { ...encoderOfNemo(e, p.features), ...defined({ attentionContext: contextOf(e) }) },
    normalization: p.normalize === 'per_feature' ? ('per feature' as const) : ('none' as const),
    ...defined({ quantization: quantization && storedQuantization(quantization) }),
  };
}

/** A side without a limit sees as far as audio can be long. */
function contextOf(e: v.InferOutput<typeof encoder>): AttentionContext | undefined {
  const [back, ahead] = e.att_context_size ?? [-1, -1];
  if (e.self_attention_model === 'rel_pos_local_attn' && Math.max(back, ahead) < 1)
    throw unsupportedConfig('encoder.att_context_size: self_attention_model rel_pos_local_attn needs one');
  if (back < 0 && ahead < 0) return undefined;
  const frames = (size: number): number => (size < 0 ? MAX_CONTEXT_FRAMES : size);
  return { back: frames(back), ahead: frames(ahead) };
}

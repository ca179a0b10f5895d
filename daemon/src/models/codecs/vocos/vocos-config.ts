/**
 * `config.json` of a Vocos checkpoint: the keys of its config.yaml, which names Python classes. They are matched against a
 * closed list, and nothing is imported.
 */
import * as v from 'valibot';

import { integer } from '#daemon/protocol/fields.js';

import { parseFields, unsupportedConfig } from '../../checkpoint/config-fields.js';
import { dimension, layerCount } from '../../checkpoint/config-limits.js';

const fftSize = v.pipe(integer, v.minValue(16), v.maxValue(16_384), v.multipleOf(2));
const padding = v.optional(v.picklist(['center', 'same']), 'same');
const bandwidths = v.pipe(v.array(v.picklist([1.5, 3, 6, 12, 24])), v.minLength(1), v.maxLength(5));

const melFeatures = v.object({
  class_path: v.literal('vocos.feature_extractors.MelSpectrogramFeatures'),
  init_args: v.object({
    sample_rate: v.optional(v.pipe(integer, v.minValue(8_000), v.maxValue(192_000)), 24_000),
    n_fft: v.optional(fftSize, 1024),
    hop_length: v.optional(dimension, 256),
    n_mels: v.optional(dimension, 100),
    padding: v.optional(v.picklist(['center', 'same']), 'center'),
  }),
});
const encodecFeatures = v.object({
  class_path: v.literal('vocos.feature_extractors.EncodecFeatures'),
  init_args: v.object({
    encodec_model: v.optional(v.literal('encodec_24khz'), 'encodec_24khz'),
    bandwidths: v.optional(bandwidths, [1.5, 3, 6, 12]),
  }),
});

const file = v.object({
  feature_extractor: v.variant('class_path', [melFeatures, encodecFeatures]),
  backbone: v.object({
    class_path: v.literal('vocos.models.VocosBackbone'),
    init_args: v.object({
      input_channels: dimension,
      dim: dimension,
      intermediate_dim: dimension,
      num_layers: layerCount,
      adanorm_num_embeddings: v.nullish(v.pipe(integer, v.minValue(1), v.maxValue(64))),
    }),
  }),
  head: v.object({
    class_path: v.literal('vocos.heads.ISTFTHead'),
    init_args: v.object({ dim: dimension, n_fft: fftSize, hop_length: dimension, padding }),
  }),
});

type File = v.InferOutput<typeof file>;

/** Rows of each of Encodec’s codebooks. */
export const CODEBOOK_ROWS = 1024;
const ENCODEC_FRAMES_PER_SECOND = 75;
const BITS = 10;

export interface VocosConfig {
  readonly quantization?: never;
  /** What it reads: frames of a mel spectrogram, or codes of Encodec. */
  readonly features:
    | ({ readonly kind: 'mel' } & v.InferOutput<typeof melFeatures>['init_args'])
    /** Numbers of codebooks of the bandwidths, in the order of the norms that depend on them. */
    | { readonly kind: 'codes'; readonly codebooks: readonly number[] };
  readonly backbone: File['backbone']['init_args'];
  readonly head: File['head']['init_args'];
  readonly sampleRate: number;
}

export const isVocosConfig = (json: Readonly<Record<string, unknown>>): boolean =>
  'feature_extractor' in json && 'backbone' in json && 'head' in json;

/** @throws SottoError MODEL_UNSUPPORTED naming the first unsupported field */
export function parseVocosConfig(json: unknown): VocosConfig {
  const { feature_extractor: extractor, backbone, head } = parseFields(file, json);
  const config: VocosConfig = {
    backbone: backbone.init_args,
    head: head.init_args,
    ...('n_mels' in extractor.init_args
      ? { features: { kind: 'mel', ...extractor.init_args }, sampleRate: extractor.init_args.sample_rate }
      : {
          features: { kind: 'codes', codebooks: extractor.init_args.bandwidths.map(codebooksOf) },
          sampleRate: 24_000,
        }),
  };
  check(config);
  return config;
}

/** 10 bits, 75 times a second. */
const codebooksOf = (kbps: number): number => (kbps * 1000) / (BITS * ENCODEC_FRAMES_PER_SECOND);

function check({ features, backbone, head }: VocosConfig): void {
  if (head.dim !== backbone.dim) throw unsupportedConfig('head.init_args.dim: must be that of the backbone');
  if (head.n_fft % head.hop_length !== 0) {
    throw unsupportedConfig('head.init_args.hop_length: must divide n_fft');
  }
  if (features.kind === 'mel') {
    const isSame = features.n_mels === backbone.input_channels && features.hop_length === head.hop_length;
    if (!isSame) throw unsupportedConfig('feature_extractor: its bands and hop must be those of the network');
  }
  const norms = backbone.adanorm_num_embeddings ?? undefined;
  const bandwidths = features.kind === 'codes' ? features.codebooks.length : undefined;
  if (norms !== bandwidths) {
    throw unsupportedConfig('backbone.init_args.adanorm_num_embeddings: must be the number of bandwidths');
  }
}

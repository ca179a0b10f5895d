/** `config.json` of a converted model. */
import { defined } from '#daemon/protocol/defined.js';

import { quantizationEntry, type StoredQuantization } from '../checkpoint/quantization.js';
import type { TransducerConfig } from '../transducer/transducer-network.js';
import type { ParakeetConfig } from './parakeet-config.js';

/**
 * `config.json` in the layout of mlx-community.
 *
 * @param pieces of the vocabulary by id
 */
export function writtenConfig(
  config: ParakeetConfig,
  pieces: readonly string[],
  quantization: StoredQuantization | undefined,
): Record<string, unknown> {
  const { encoder: e, normalization, transducer: t, hasCtc, tokens } = config;
  const kind =
    t === undefined
      ? 'ctc_bpe_models.EncDecCTCModelBPE'
      : hasCtc
        ? HYBRID
        : 'rnnt_bpe_models.EncDecRNNTBPEModel';
  const ctc = { feat_in: e.dims, num_classes: tokens, vocabulary: pieces };
  return {
    target: `nemo.collections.asr.models.${kind}`,
    sample_rate: 16_000,
    preprocessor: {
      sample_rate: 16_000,
      normalize: normalization === 'none' ? 'NA' : 'per_feature',
      window_size: 0.025,
      window_stride: 0.01,
      window: 'hann',
      features: e.bands,
      n_fft: 512,
      dither: 0,
      pad_to: 0,
    },
    encoder: {
      feat_in: e.bands,
      n_layers: e.layers,
      d_model: e.dims,
      n_heads: e.heads,
      ff_expansion_factor: e.feedForwardDims / e.dims,
      subsampling: 'dw_striding',
      subsampling_factor: 8,
      subsampling_conv_channels: e.subsamplingChannels,
      causal_downsampling: false,
      self_attention_model: 'rel_pos',
      ...(e.attentionContext && {
        self_attention_model: 'rel_pos_local_attn',
        att_context_size: [e.attentionContext.back, e.attentionContext.ahead],
      }),
      conv_kernel_size: e.kernelSize,
      pos_emb_max_len: 5000,
      use_bias: e.hasBias,
      xscaling: e.isInputScaled,
    },
    ...(t === undefined ? { decoder: ctc } : transducerSections(t, pieces)),
    ...(t !== undefined && hasCtc && { aux_ctc: { decoder: ctc } }),
    ...defined({ quantization: quantization && quantizationEntry(quantization) }),
  };
}

const HYBRID = 'hybrid_rnnt_ctc_bpe_models.EncDecHybridRNNTCTCBPEModel';

function transducerSections(t: TransducerConfig, vocabulary: readonly string[]): Record<string, unknown> {
  const { tokens, durations: skips, predictionDims, predictionLayers, jointDims, encoderDims } = t;
  const hasDurations = skips.length > 0;
  return {
    model_defaults: hasDurations ? { tdt_durations: skips } : {},
    decoder: {
      blank_as_pad: true,
      vocab_size: tokens,
      prednet: { pred_hidden: predictionDims, pred_rnn_layers: predictionLayers },
    },
    joint: {
      num_classes: tokens,
      vocabulary,
      num_extra_outputs: skips.length,
      jointnet: {
        joint_hidden: jointDims,
        activation: t.activation,
        encoder_hidden: encoderDims,
        pred_hidden: predictionDims,
      },
    },
    decoding: {
      ...(hasDurations && { model_type: 'tdt', durations: skips }),
      greedy: { max_symbols: t.maxSymbols },
    },
  };
}

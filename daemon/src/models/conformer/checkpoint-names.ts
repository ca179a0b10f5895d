/** Array names of the layouts of FastConformer recognizers. All become NeMo's, with the recurrent layers as MLX has them. */
import type { Naming, Namings } from '../checkpoint/naming.js';

/** Buffers of NeMo's front end and counters of PyTorch's batch norm. */
const IGNORED = /^preprocessor\.|\.num_batches_tracked$/;

/** Recurrent layers as PyTorch stores them: `weight_ih_l0`, and a bias for the input and one for the state. */
const TORCH_LSTM = /^(decoder\.prediction\.dec_rnn\.lstm)\.(weight|bias)_(ih|hh)_l(\d{1,2})$/;

function recurrent(name: string): string {
  const [, lstm, kind, side = '', layer] = TORCH_LSTM.exec(name) ?? [];
  if (lstm === undefined || layer === undefined) return name;
  const field = kind === 'bias' ? `bias_${side}` : { ih: 'Wx', hh: 'Wh' }[side];
  return `${lstm}.${layer}.${field ?? ''}`;
}

/** A CTC head without a transducer is NeMo's `decoder`. */
const ctcHead = (name: string): string =>
  name.replace(/^decoder\.decoder_layers\./, 'ctc_decoder.decoder_layers.');

const nemoNaming: Naming = {
  layout: 'nemo',
  recognizes: (names) => names.has('encoder.pre_encode.out.weight'),
  roleOf: (stored) =>
    IGNORED.test(stored) ? { role: 'ignored' } : { role: 'weight', name: recurrent(ctcHead(stored)) },
};

const mlxNaming: Naming = {
  ...nemoNaming,
  layout: 'mlx',
  recognizes: (names) => names.has('decoder.prediction.dec_rnn.lstm.0.Wx'),
};

/** Beginnings of names in transformers, and NeMo's. */
const TOP: readonly (readonly [string, string])[] = [
  ['encoder.subsampling.conv_in.', 'encoder.pre_encode.conv.0.'],
  ['encoder.subsampling.layers.0.depthwise_conv.', 'encoder.pre_encode.conv.2.'],
  ['encoder.subsampling.layers.0.pointwise_conv.', 'encoder.pre_encode.conv.3.'],
  ['encoder.subsampling.layers.1.depthwise_conv.', 'encoder.pre_encode.conv.5.'],
  ['encoder.subsampling.layers.1.pointwise_conv.', 'encoder.pre_encode.conv.6.'],
  ['prompt_projector.linear_1.', 'prompt_kernel.0.'],
  ['prompt_projector.linear_2.', 'prompt_kernel.2.'],
  ['encoder.subsampling.layers.', 'encoder.pre_encode.conv.'],
  ['encoder.subsampling.linear.', 'encoder.pre_encode.out.'],
  ['ctc_head.', 'ctc_decoder.decoder_layers.0.'],
  ['encoder_projector.', 'joint.enc.'],
  ['decoder.decoder_projector.', 'joint.pred.'],
  ['decoder.embedding.', 'decoder.prediction.embed.'],
  ['decoder.lstm.', 'decoder.prediction.dec_rnn.lstm.'],
  ['joint.head.', 'joint.joint_net.2.'],
];

/** Below a layer. */
const IN_LAYER: readonly (readonly [string, string])[] = [
  ['self_attn.q_proj.', 'self_attn.linear_q.'],
  ['self_attn.k_proj.', 'self_attn.linear_k.'],
  ['self_attn.v_proj.', 'self_attn.linear_v.'],
  ['self_attn.o_proj.', 'self_attn.linear_out.'],
  ['self_attn.relative_k_proj.', 'self_attn.linear_pos.'],
  ['self_attn.bias_', 'self_attn.pos_bias_'],
  ['conv.norm.', 'conv.batch_norm.'],
];
const SAME_IN_LAYER = /^(?:norm_\w+|feed_forward[12]\.linear[12]|conv\.\w+_conv[12]?)\./;
const LAYER = /^(encoder\.layers\.(?:0|[1-9]\d{0,3})\.)(.*)$/;

const transformersNaming: Naming = {
  layout: 'huggingface',
  recognizes: (names) => names.has('encoder.subsampling.linear.weight'),
  roleOf: (stored) => {
    if (IGNORED.test(stored)) return { role: 'ignored' };
    const [, layer, inside = ''] = LAYER.exec(stored) ?? [];
    const [name, table] = layer === undefined ? [stored, TOP] : [inside, IN_LAYER];
    const row = table.find(([beginning]) => name.startsWith(beginning));
    if (row !== undefined) {
      return { role: 'weight', name: recurrent((layer ?? '') + row[1] + name.slice(row[0].length)) };
    }
    return layer !== undefined && SAME_IN_LAYER.test(inside) ? { role: 'weight', name: stored } : undefined;
  },
};

/** @param family for messages */
export function conformerNamings(family: string): Namings {
  return { family, schemes: [mlxNaming, nemoNaming, transformersNaming] };
}

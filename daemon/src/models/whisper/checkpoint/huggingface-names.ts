/** Array names of transformers for Whisper, distil-whisper included. */
import type { WhisperNaming } from './whisper-namings.js';

/** Below `encoder.` and `decoder.`. */
const TOP: Readonly<Record<string, string>> = {
  'encoder.conv1': 'encoder.conv1',
  'encoder.conv2': 'encoder.conv2',
  'encoder.layer_norm': 'encoder.ln_post',
  'decoder.embed_tokens': 'decoder.token_embedding',
  'decoder.layer_norm': 'decoder.ln',
};

/** Below a layer. */
const LAYER: Readonly<Record<string, string>> = {
  self_attn_layer_norm: 'attn_ln',
  encoder_attn_layer_norm: 'cross_attn_ln',
  final_layer_norm: 'mlp_ln',
  fc1: 'mlp1',
  fc2: 'mlp2',
  ...Object.fromEntries(
    [
      ['self_attn', 'attn'],
      ['encoder_attn', 'cross_attn'],
    ].flatMap(([attention, networkName]) =>
      [
        ['q_proj', 'query'],
        ['k_proj', 'key'],
        ['v_proj', 'value'],
        ['out_proj', 'out'],
      ].map(([projection, name]) => [`${attention}.${projection}`, `${networkName}.${name}`]),
    ),
  ),
};

/** `weight` and `bias`; for quantized layers also `scales` and `biases`. */
const FIELD = /^(.*)\.(weight|bias|scales|biases)$/;
const IN_LAYER = /^(encoder|decoder)\.layers\.(0|[1-9]\d{0,3})\.(.*)$/;

export const huggingFaceNaming: WhisperNaming = {
  layout: 'huggingface',
  // Models saved without their output layer lack the `model.` prefix.
  recognizes: (names) =>
    names.has('model.decoder.embed_tokens.weight') || names.has('decoder.embed_tokens.weight'),
  roleOf: (stored) => {
    const name = stored.replace(/^model\./, '');
    if (name === 'encoder.embed_positions.weight') return { role: 'positions' };
    if (name === 'decoder.embed_positions.weight') {
      return { role: 'weight', name: 'decoder.positional_embedding' };
    }
    if (stored === 'proj_out.weight') return { role: 'output layer' };
    const [, path = '', field = ''] = FIELD.exec(name) ?? [];
    const top = tableValue(TOP, path);
    if (top !== undefined) return { role: 'weight', name: `${top}.${field}` };
    const [, side = '', layer = '', inside = ''] = IN_LAYER.exec(path) ?? [];
    const networkName = tableValue(LAYER, inside);
    return networkName === undefined
      ? undefined
      : { role: 'weight', name: `${side}.blocks.${layer}.${networkName}.${field}` };
  },
};

function tableValue(table: Readonly<Record<string, string>>, key: string): string | undefined {
  return Object.hasOwn(table, key) ? table[key] : undefined;
}

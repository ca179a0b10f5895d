/** Writes a Wav2Vec2 checkpoint with random weights, small but with the proportions of the published ones. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';

import { parseWav2Vec2Config } from '#daemon/models/wav2vec2/wav2vec2-config.js';
import { Wav2Vec2 } from '#daemon/models/wav2vec2/wav2vec2-network.js';
import type { Dtype } from '#native/index.js';

import { writeRandomArrays } from '../random-network.js';

const LETTERS = ['<pad>', '<s>', '</s>', '<unk>', '|', ..."ETAOINSHRDLUMWCFGYPBVK'XJQZ"];

const SHARED = {
  model_type: 'wav2vec2',
  architectures: ['Wav2Vec2ForCTC'],
  vocab_size: LETTERS.length,
  hidden_size: 256,
  num_hidden_layers: 3,
  num_attention_heads: 4,
  intermediate_size: 1024,
  conv_dim: new Array<number>(7).fill(128),
};
const FORMS = {
  base: { feat_extract_norm: 'group', conv_bias: false, do_stable_layer_norm: false },
  large: { feat_extract_norm: 'layer', conv_bias: true, do_stable_layer_norm: true },
} as const;

export function writeRandomWav2Vec2(dir: string, form: keyof typeof FORMS, dtype: Dtype): void {
  const config = { ...SHARED, ...FORMS[form] };
  using network = new Wav2Vec2(parseWav2Vec2Config(config));
  writeRandomArrays(dir, network, dtype);
  writeFileSync(join(dir, 'config.json'), JSON.stringify(config));
  writeFileSync(
    join(dir, 'vocab.json'),
    JSON.stringify(Object.fromEntries(LETTERS.map((token, id) => [token, id]))),
  );
  writeFileSync(join(dir, 'tokenizer_config.json'), JSON.stringify({ pad_token: '<pad>' }));
  writeFileSync(
    join(dir, 'processor_config.json'),
    JSON.stringify({ feature_extractor: { do_normalize: false } }),
  );
}

/** Writes a Moonshine checkpoint with random weights, small but with the proportions of the published ones. */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

import { parseConfig } from '#daemon/models/moonshine/moonshine-config.js';
import { Moonshine } from '#daemon/models/moonshine/moonshine-network.js';
import { mx, type Dtype } from '#native/index.js';

import { writeRandomArrays } from '../random-network.js';
import { moonshineDir } from './moonshine-dirs.js';

/** With the vocabulary of a tiny fixture. */
export function writeRandomMoonshine(dir: string, dtype: Dtype): void {
  const tiny = moonshineDir('odd-rotary');
  const config = {
    ...(JSON.parse(readFileSync(join(tiny, 'config.json'), 'utf8')) as object),
    hidden_size: 256,
    intermediate_size: 1024,
    encoder_num_attention_heads: 8,
    encoder_num_key_value_heads: 8,
    decoder_num_attention_heads: 8,
    decoder_num_key_value_heads: 8,
    encoder_num_hidden_layers: 3,
    decoder_num_hidden_layers: 3,
  };
  using network = new Moonshine(parseConfig(config));
  // transformers keeps the kernel of a convolution last.
  writeRandomArrays(dir, network, dtype, (array) =>
    array.ndim === 3 ? mx.contiguous(mx.transpose(array, [0, 2, 1])) : array,
  );
  writeFileSync(join(dir, 'config.json'), JSON.stringify(config));
  writeFileSync(join(dir, 'tokenizer.json'), readFileSync(join(tiny, 'tokenizer.json')));
}

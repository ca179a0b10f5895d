/** Files of weights that hold pickles: reading them would run code in them. */
import { join } from 'node:path';

import { SottoError } from '#daemon/protocol/errors.js';

const PICKLE = /^(?:pytorch_model.*\.bin|.*\.(?:pt|pth|th|ckpt))$/;
/** A tar archive with a pickle. */
const NEMO = /\.nemo$/;

/** @returns undefined if none of the names is such a file */
export function pickleError(dir: string, names: readonly string[]): SottoError | undefined {
  const archive = names.find((name) => NEMO.test(name));
  if (archive !== undefined) {
    const message = `${join(dir, archive)}: NeMo archives hold PyTorch pickles, which are not supported`;
    return new SottoError('MODEL_UNSUPPORTED', message, {
      hint: 'pickles can run code: use a copy of the model with config.json and safetensors, as mlx-community has',
    });
  }
  const pickle = names.find((name) => PICKLE.test(name));
  if (pickle === undefined) return undefined;
  const message = `${join(dir, pickle)}: PyTorch pickle files are not supported`;
  return new SottoError('MODEL_UNSUPPORTED', message, {
    hint: 'pickles can run code: save the model as safetensors (in transformers: save_pretrained)',
  });
}

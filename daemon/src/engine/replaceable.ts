/** Which folders `--force` may replace: models, and no files of the user beside them. */
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { SottoError } from '../protocol/errors.js';
import { MADE_MODEL, madeFiles } from '../protocol/model-work.js';

/** What the folder of a model holds that has no record of its files: as the Hub and other tools name them. */
const MODEL_FILES: readonly RegExp[] = [
  /\.(safetensors|npz|tiktoken)$/,
  /^(model|pytorch_model)\.(safetensors|bin)\.index\.json$/,
  /^(config|generation_config|preprocessor_config|processor_config|quantization_config)\.json$/,
  /^(tokenizer|tokenizer_config|special_tokens_map|added_tokens|normalizer|vocab)\.json$/,
  /^(merges\.txt|README\.md|LICENSE|NOTICE|\.gitattributes|\.sotto-model\.json|\.sotto-made\.json)$/,
];

/** @throws SottoError OUTPUT_FAILED for a folder that is no model, or holds other files */
export async function mustBeReplaceable(out: string): Promise<void> {
  const entries = await readdir(out, { withFileTypes: true }).catch(() => undefined);
  if (entries?.length === 0) return;
  const names = entries?.map(({ name }) => name) ?? [];
  const hasWeights = names.some((name) => /\.(safetensors|npz)$/.test(name));
  if (!hasWeights || !names.includes('config.json')) throw refused(out, 'no model folder');
  const made = madeFiles(await readFile(join(out, MADE_MODEL), 'utf8').catch(() => ''));
  const isOfModel = (name: string): boolean =>
    made === undefined ? MODEL_FILES.some((form) => form.test(name)) : [...made, MADE_MODEL].includes(name);
  const other = entries?.find((entry) => !entry.isFile() || !isOfModel(entry.name));
  if (other !== undefined) throw refused(out, `holds ${other.name}, which is not of the model`);
}

function refused(out: string, why: string): SottoError {
  return new SottoError('OUTPUT_FAILED', `${out} is there already and ${why}`, {
    hint: 'choose another name',
  });
}

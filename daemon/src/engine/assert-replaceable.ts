/** Which directories `--force` may replace: those that contain only a model, no other files of the user. */
import { readdir } from 'node:fs/promises';
import { SottoError } from '../protocol/errors.js';
import { isModelFile, MADE_MODEL } from '../protocol/model-files.js';
import { readConvertedFiles } from '../converted-files.js';

/**
 * @throws SottoError OUTPUT_FAILED for a directory that is no model or has other files; MODEL_UNREADABLE for its
 *   record
 */
export async function assertReplaceable(out: string): Promise<void> {
  const entries = await readdir(out, { withFileTypes: true }).catch(() => undefined);
  if (entries?.length === 0) return;
  const names = entries?.map(({ name }) => name) ?? [];
  const hasWeights = names.some((name) => /\.(safetensors|npz)$/.test(name));
  if (!hasWeights || !names.includes('config.json')) throw refused(out, 'is not a model folder');
  const made = names.includes(MADE_MODEL) ? readConvertedFiles(out) : undefined;
  const other = entries?.find((entry) => !entry.isFile() || !isModelFile(entry.name, made));
  if (other !== undefined) throw refused(out, `contains ${other.name}, which is not part of the model`);
}

function refused(out: string, why: string): SottoError {
  return new SottoError('OUTPUT_FAILED', `${out} already exists and ${why}`, {
    hint: 'choose another name',
  });
}

/** The `config.json` that every model folder has. */
import { readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';

import { SottoError } from '#daemon/protocol/errors.js';

/**
 * Its fields, not looked at yet.
 *
 * @throws SottoError MODEL_NOT_FOUND if the folder or the file is missing, MODEL_CORRUPT if it is no JSON object.
 */
export async function readConfigFile(dir: string): Promise<Readonly<Record<string, unknown>>> {
  const folder = await stat(dir).catch(() => undefined);
  if (folder === undefined) throw new SottoError('MODEL_NOT_FOUND', `there is no model at ${dir}`);
  if (!folder.isDirectory()) throw new SottoError('MODEL_NOT_FOUND', `${dir} is a file, not a model folder`);
  const path = join(dir, 'config.json');
  let text: string;
  try {
    text = await readFile(path, 'utf8');
  } catch (cause) {
    throw new SottoError('MODEL_NOT_FOUND', `${dir} is no model folder: it has no config.json`, { cause });
  }
  try {
    const config: unknown = JSON.parse(text);
    if (typeof config !== 'object' || config === null || Array.isArray(config))
      throw new Error('not an object');
    return { ...config };
  } catch (cause) {
    throw new SottoError('MODEL_CORRUPT', `${path} is not a JSON object`, { cause });
  }
}

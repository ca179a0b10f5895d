/** The `config.json` of a model directory. */
import type { Stats } from 'node:fs';
import { readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';

import { SottoError } from '#daemon/protocol/errors.js';
import { fileError, MODEL_FILE } from '#daemon/protocol/file-errors.js';
import { readSmallFile } from '#daemon/read-small-file.js';

import { pickleError } from './checkpoint/pickles.js';

/** The largest config.json on the Hub has a few hundred KiB. */
export const MAX_CONFIG_BYTES = 16 * 2 ** 20;

/**
 * Reads the fields without validating them.
 *
 * @throws SottoError MODEL_NOT_FOUND if the directory or the file is missing, MODEL_UNSUPPORTED if there are pickles instead,
 *   MODEL_UNREADABLE, MODEL_CORRUPT if it is not a JSON object
 */
export async function readConfigFile(dir: string): Promise<Readonly<Record<string, unknown>>> {
  let folder: Stats;
  try {
    folder = await stat(dir);
  } catch (error) {
    throw fileError(dir, error, MODEL_FILE);
  }
  if (!folder.isDirectory()) throw new SottoError('MODEL_NOT_FOUND', `${dir} is a file, not a model folder`);
  const path = join(dir, 'config.json');
  let text: string;
  try {
    text = readSmallFile(path, MAX_CONFIG_BYTES, MODEL_FILE);
  } catch (cause) {
    const error = SottoError.from(cause);
    if (error.code !== 'MODEL_NOT_FOUND') throw error;
    const pickle = pickleError(dir, await readdir(dir));
    if (pickle !== undefined) throw pickle;
    throw new SottoError('MODEL_NOT_FOUND', `${dir} is not a model folder: config.json is missing`, {
      cause,
    });
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

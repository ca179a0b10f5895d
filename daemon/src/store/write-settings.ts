/** settings.json, changed by a command: one field of it, the others stay as they are. */
import { mkdirSync, readFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { codeOf, SottoError } from '../protocol/errors.js';
import { readSettings } from '../settings.js';
import { writeSafely } from './download/work-folder.js';

/** @throws SottoError INVALID_ARGUMENT for a file that is not valid: nothing of it is lost, OUTPUT_FAILED */
export async function chooseModel(settings: string, model: string | undefined): Promise<void> {
  // Says what is wrong with it.
  readSettings(settings);
  let fields: Record<string, unknown> = {};
  try {
    fields = { ...(JSON.parse(readFileSync(settings, 'utf8')) as object) };
  } catch (error) {
    if (codeOf(error) !== 'ENOENT') throw error;
  }
  if (model === undefined) delete fields.model;
  else fields.model = model;
  try {
    mkdirSync(dirname(settings), { recursive: true, mode: 0o700 });
    await writeSafely(settings, `${JSON.stringify(fields, null, 2)}\n`);
  } catch (cause) {
    throw new SottoError('OUTPUT_FAILED', `${settings} can't be written`, {
      cause,
      hint: 'check its permissions',
    });
  }
}

/** settings.json: what the user has chosen. Missing file or field means the default; a broken file is said. */
import { readFileSync } from 'node:fs';
import * as v from 'valibot';
import { codeOf, SottoError } from './protocol/errors.js';

const settingsSchema = v.object({
  /** Model that the daemon keeps warm: a name or an absolute folder. The starter model when left out. */
  model: v.exactOptional(v.pipe(v.string(), v.minLength(1))),
});
export type Settings = v.InferOutput<typeof settingsSchema>;

export function readSettings(path: string): Settings {
  let text: string;
  try {
    text = readFileSync(path, 'utf8');
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return {};
    throw new SottoError('INVALID_ARGUMENT', `${path} can't be read`, {
      cause: error,
      hint: 'check its permissions',
    });
  }
  try {
    return v.parse(settingsSchema, JSON.parse(text));
  } catch (error) {
    throw new SottoError('INVALID_ARGUMENT', `${path} is not valid`, {
      cause: error,
      hint: 'correct or delete it',
    });
  }
}

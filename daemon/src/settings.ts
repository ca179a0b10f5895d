/** settings.json: what the user has chosen. Missing file or field means the default; a broken file is said. */
import { readFileSync } from 'node:fs';
import { z } from 'zod';
import { codeOf, SottoError } from './protocol/errors.js';

const settingsSchema = z.object({
  /** Model that the daemon keeps warm: a name or an absolute folder. The starter model when left out. */
  model: z.string().min(1).exactOptional(),
});
export type Settings = z.infer<typeof settingsSchema>;

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
    return settingsSchema.parse(JSON.parse(text));
  } catch (error) {
    throw new SottoError('INVALID_ARGUMENT', `${path} is not valid`, {
      cause: error,
      hint: 'correct or delete it',
    });
  }
}

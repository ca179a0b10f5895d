/** settings.json: what the user has chosen. Missing file or field means the default; a broken file is said. */
import { readFileSync } from 'node:fs';
import { codeOf, SottoError } from './protocol/errors.js';

export interface Settings {
  /** Model that the daemon keeps warm: a name or an absolute folder. The starter model when left out. */
  readonly model?: string;
}

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
    return settingsFrom(JSON.parse(text));
  } catch (error) {
    throw new SottoError('INVALID_ARGUMENT', `${path} is not valid`, {
      cause: error,
      hint: 'correct or delete it',
    });
  }
}

/** By hand: every command reads the settings, and a library of schemas takes longer to load than all that is here. */
function settingsFrom(json: unknown): Settings {
  if (typeof json !== 'object' || json === null) throw new TypeError('settings are an object');
  const model = 'model' in json ? json.model : undefined;
  if (model === undefined) return {};
  if (typeof model !== 'string' || model === '')
    throw new TypeError('`model` is the name or folder of a model');
  return { model };
}

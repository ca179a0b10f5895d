/** settings.json: what the user has chosen. Missing file or field means the default; a broken file is said. */
import { readFileSync } from 'node:fs';
import { codeOf, messageOf, SottoError } from './protocol/errors.js';

export interface Settings {
  /** Model that the daemon keeps warm: a name or an absolute folder. The starter model when left out. */
  readonly model?: string;
  /** How long past dictations are kept. */
  readonly history: Retention;
}

export interface Retention {
  /** Days that a past dictation is kept. 0: its text goes as soon as it is delivered. */
  readonly keepDays: number;
  /** Whether the audio of dictations is kept too, as long as their text. */
  readonly keepAudio: boolean;
  /** The oldest audio goes when all of it is more than this. */
  readonly maxAudioBytes: number;
}

export const DEFAULT_RETENTION: Retention = { keepDays: 30, keepAudio: false, maxAudioBytes: 2 ** 30 };

/** @throws SottoError INVALID_ARGUMENT */
export function readSettings(path: string): Settings {
  let text: string;
  try {
    text = readFileSync(path, 'utf8');
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return { history: DEFAULT_RETENTION };
    throw new SottoError('INVALID_ARGUMENT', `${path} can't be read`, {
      cause: error,
      hint: 'check its permissions',
    });
  }
  try {
    return settingsFrom(JSON.parse(text));
  } catch (error) {
    throw new SottoError('INVALID_ARGUMENT', `${path} is not valid: ${messageOf(error)}`, {
      cause: error,
      hint: 'correct or delete it',
    });
  }
}

/** By hand: every command reads the settings, and a library of schemas takes longer to load than all that is here. */
function settingsFrom(json: unknown): Settings {
  const all = fieldsOf(json, 'settings');
  const { model } = all;
  if (model !== undefined && (typeof model !== 'string' || model === ''))
    throw new TypeError('`model` is the name or folder of a model');
  return { ...(model !== undefined && { model }), history: retentionFrom(all.history) };
}

function retentionFrom(json: unknown): Retention {
  if (json === undefined) return DEFAULT_RETENTION;
  const all = fieldsOf(json, '`history`');
  const {
    keepDays = DEFAULT_RETENTION.keepDays,
    keepAudio = DEFAULT_RETENTION.keepAudio,
    maxAudioBytes = DEFAULT_RETENTION.maxAudioBytes,
  } = all;
  if (!isAmount(keepDays)) throw new TypeError('`history.keepDays` is a number of days, 0 or more');
  if (typeof keepAudio !== 'boolean') throw new TypeError('`history.keepAudio` is true or false');
  if (!isAmount(maxAudioBytes))
    throw new TypeError('`history.maxAudioBytes` is a number of bytes, 0 or more');
  return { keepDays, keepAudio, maxAudioBytes };
}

function fieldsOf(json: unknown, what: string): Readonly<Record<string, unknown>> {
  if (typeof json !== 'object' || json === null || Array.isArray(json))
    throw new TypeError(`${what} is no object of fields`);
  return { ...json };
}

/** JSON holds no infinity, yet 1e999 is read as one: kept for ever. */
function isAmount(value: unknown): value is number {
  return typeof value === 'number' && value >= 0;
}

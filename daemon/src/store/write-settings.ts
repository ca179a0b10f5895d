/** Changes single fields of settings.json. */
import { readFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { makeFolder } from '../make-folder.js';
import { codeOf, messageOf, SottoError } from '../protocol/errors.js';
import { fileError, OUTPUT_FILE } from '../protocol/file-errors.js';
import type { ModelTask } from '../protocol/model-tasks.js';
import { readSettings, settingsFrom } from '../settings.js';
import { writeFileAtomic } from './write-file-atomic.js';
import { defined } from '../protocol/defined.js';

/**
 * Chooses the model for a task; none, or the starter model, if left out.
 * @throws SottoError INVALID_ARGUMENT for an invalid file, which isn't changed; OUTPUT_FAILED
 */
export function chooseModel(
  settings: string,
  model: string | undefined,
  task: ModelTask = 'transcribe',
): Promise<void> {
  const path = task === 'transcribe' ? ['model'] : ['models', task];
  return change(settings, (fields) => withField(fields, path, model));
}

/**
 * Sets how long past dictations are kept, in days, whether their audio is, and whether in compact form. Values that are left
 * out don't change.
 * @throws SottoError as `chooseModel`
 */
export function keepHistory(
  settings: string,
  { days, audio, compact }: { readonly days?: number; readonly audio?: boolean; readonly compact?: boolean },
): Promise<void> {
  return change(settings, ({ history, ...others }) => ({
    ...others,
    history: {
      ...(history as object | undefined),
      ...defined({ keepDays: days, keepAudio: audio, compactAudio: compact }),
    },
  }));
}

/** Sets the port that a daemon opens when it starts; none if left out. @throws SottoError as `chooseModel` */
export function choosePort(settings: string, port: number | undefined): Promise<void> {
  return change(settings, ({ http, ...others }) => {
    const { port: _, ...rest } = { ...(http as Fields | undefined) };
    const chosen = { ...rest, ...defined({ port }) };
    return { ...others, ...(Object.keys(chosen).length > 0 && { http: chosen }) };
  });
}

/**
 * Sets a setting by its path, such as `history.keepDays`; undefined restores the default.
 * @throws SottoError INVALID_ARGUMENT for an invalid value, otherwise as `chooseModel`
 */
export function changeSetting(settings: string, name: string, value: unknown): Promise<void> {
  return change(settings, (fields) => {
    const changed = withField(fields, name.split('.'), value);
    try {
      settingsFrom(changed);
    } catch (cause) {
      throw new SottoError('INVALID_ARGUMENT', `${messageOf(cause)}; got ${JSON.stringify(value)}`, {
        cause,
      });
    }
    return changed;
  });
}

function withField(fields: Fields, [name = '', ...rest]: readonly string[], value: unknown): Fields {
  const { [name]: before, ...others } = fields;
  if (rest.length > 0) {
    const inner = withField({ ...(before as Fields | undefined) }, rest, value);
    return Object.keys(inner).length === 0 ? others : { ...others, [name]: inner };
  }
  return value === undefined ? others : { ...others, [name]: value };
}

type Fields = Readonly<Record<string, unknown>>;

/** One change at a time: each one starts with the result of the previous one. */
let last: Promise<unknown> = Promise.resolve();

function change(settings: string, changed: (fields: Fields) => Fields): Promise<void> {
  const done = last.then(() => changeNow(settings, changed));
  last = done.catch(() => undefined);
  return done;
}

async function changeNow(settings: string, changed: (fields: Fields) => Fields): Promise<void> {
  // Throws for an invalid file.
  readSettings(settings);
  let fields: Fields = {};
  try {
    fields = { ...(JSON.parse(readFileSync(settings, 'utf8')) as object) };
  } catch (error) {
    if (codeOf(error) !== 'ENOENT') throw error;
  }
  const text = `${JSON.stringify(changed(fields), finite, 2)}\n`;
  try {
    makeFolder(dirname(settings), 0o700);
    await writeFileAtomic(settings, text);
  } catch (cause) {
    throw fileError(settings, cause, OUTPUT_FILE);
  }
}

/** JSON has no infinity, but 1e999 parses as Infinity and would be written as null. */
function finite(_key: string, value: unknown): unknown {
  return value === Infinity ? Number.MAX_VALUE : value;
}

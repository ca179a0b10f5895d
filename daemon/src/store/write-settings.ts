/** settings.json, changed by a command or the daemon: one field of it, the others stay as they are. */
import { readFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { makeFolder } from '../make-folder.js';
import { codeOf, messageOf, SottoError } from '../protocol/errors.js';
import { fileError, OUTPUT_FILE } from '../protocol/file-errors.js';
import { readSettings, settingsFrom } from '../settings.js';
import { writeFileAtomic } from './write-file-atomic.js';
import { defined } from '../protocol/defined.js';

/** @throws SottoError INVALID_ARGUMENT for a file that is not valid: nothing of it is lost, OUTPUT_FAILED */
export function chooseModel(settings: string, model: string | undefined): Promise<void> {
  return change(settings, ({ model: _, ...others }) => ({
    ...others,
    ...defined({ model }),
  }));
}

/**
 * How long past dictations are kept, in days, and whether with their sound; what is left out stays as it is.
 * @throws SottoError as `chooseModel`
 */
export function keepHistory(
  settings: string,
  { days, audio }: { readonly days?: number; readonly audio?: boolean },
): Promise<void> {
  return change(settings, ({ history, ...others }) => ({
    ...others,
    history: {
      ...(history as object | undefined),
      ...defined({ keepDays: days, keepAudio: audio }),
    },
  }));
}

/** The port that a daemon opens at its start; none, if left out. @throws SottoError as `chooseModel` */
export function choosePort(settings: string, port: number | undefined): Promise<void> {
  return change(settings, ({ http, ...others }) => {
    const { port: _, ...rest } = { ...(http as Fields | undefined) };
    const chosen = { ...rest, ...defined({ port }) };
    return { ...others, ...(Object.keys(chosen).length > 0 && { http: chosen }) };
  });
}

/**
 * One setting by its path, as `history.keepDays`; undefined removes it, and the default applies.
 * @throws SottoError INVALID_ARGUMENT for a value that is not valid, else as `chooseModel`
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

/** One change at a time: each begins with what the one before it has written. */
let last: Promise<unknown> = Promise.resolve();

function change(settings: string, changed: (fields: Fields) => Fields): Promise<void> {
  const done = last.then(() => changeNow(settings, changed));
  last = done.catch(() => undefined);
  return done;
}

async function changeNow(settings: string, changed: (fields: Fields) => Fields): Promise<void> {
  // Says what is wrong with it.
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

/** JSON holds no infinity, yet 1e999 is read as one: written as null it would not be valid any more. */
function finite(_key: string, value: unknown): unknown {
  return value === Infinity ? Number.MAX_VALUE : value;
}

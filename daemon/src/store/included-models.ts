/** What the models that ship with Sotto serve as, by their manifest. */
import { statSync } from 'node:fs';
import { join } from 'node:path';
import { MODEL_FILE } from '../protocol/file-errors.js';
import type { ModelRef } from '../protocol/ipc.js';
import { readSmallFile } from '../read-small-file.js';

const MAX_MANIFEST_BYTES = 2 ** 20;

interface IncludedModels {
  /** Transcribes unless the user has chosen another model. */
  readonly starter?: ModelRef;
  /** Transcribes English dictation unless the user has chosen a model. */
  readonly english?: ModelRef;
  /** Encodes and decodes audio unless the user has chosen another codec. */
  readonly codec?: ModelRef;
}

/**
 * Checked by hand, as settings.json is.
 *
 * @param bundled directory of the models; nothing without a valid manifest, or for a directory that is missing
 */
export function includedModels(bundled: string): IncludedModels {
  let json: unknown;
  try {
    json = JSON.parse(readSmallFile(join(bundled, 'manifest.json'), MAX_MANIFEST_BYTES, MODEL_FILE));
  } catch {
    return {};
  }
  if (typeof json !== 'object' || json === null) return {};
  const refTo = (use: keyof IncludedModels): IncludedModels => {
    const name: unknown = Reflect.get(json, use);
    // A plain name, which can't leave the directory.
    if (typeof name !== 'string' || !/^[A-Za-z0-9][A-Za-z0-9._-]*$/.test(name)) return {};
    const dir = join(bundled, name);
    return statSync(dir, { throwIfNoEntry: false })?.isDirectory() === true ? { [use]: { name, dir } } : {};
  };
  return { ...refTo('starter'), ...refTo('english'), ...refTo('codec') };
}

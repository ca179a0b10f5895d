/** Small JSON files beside the weights of a model. */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import * as v from 'valibot';

import { SottoError } from '#daemon/protocol/errors.js';
import { MODEL_FILE } from '#daemon/protocol/file-errors.js';
import { readSmallFile } from '#daemon/read-small-file.js';

import { MAX_CONFIG_BYTES } from '../config-file.js';

/**
 * A file of a model directory that need not exist.
 *
 * @returns undefined if it does not
 * @throws SottoError MODEL_CORRUPT or MODEL_UNSUPPORTED naming the file and the field
 */
export function readOptionalJson<Schema extends v.GenericSchema>(
  dir: string,
  name: string,
  schema: Schema,
): v.InferOutput<Schema> | undefined {
  const path = join(dir, name);
  if (!existsSync(path)) return undefined;
  let json: unknown;
  try {
    json = JSON.parse(readSmallFile(path, MAX_CONFIG_BYTES, MODEL_FILE));
  } catch (cause) {
    if (cause instanceof SottoError) throw cause;
    throw new SottoError('MODEL_CORRUPT', `${path} is not JSON`, { cause });
  }
  const parsed = v.safeParse(schema, json);
  if (parsed.success) return parsed.output;
  const [issue] = parsed.issues;
  throw new SottoError(
    'MODEL_UNSUPPORTED',
    `${path}: ${v.getDotPath(issue) ?? 'the file'}: ${issue.message}`,
  );
}

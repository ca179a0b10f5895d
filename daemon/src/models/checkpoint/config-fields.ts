/** Validates the fields of `config.json`. */
import * as v from 'valibot';

import { SottoError } from '#daemon/protocol/errors.js';

/**
 * Validates a parsed `config.json`.
 *
 * @throws SottoError MODEL_UNSUPPORTED naming the first unsupported field
 */
export function parseFields<Schema extends v.GenericSchema>(
  schema: Schema,
  json: unknown,
): v.InferOutput<Schema> {
  const parsed = v.safeParse(schema, json);
  if (parsed.success) return parsed.output;
  const [issue] = parsed.issues;
  throw unsupportedConfig(`${v.getDotPath(issue) ?? 'the file'}: ${issue.message}`);
}

/** @param problem starts with the field */
export function unsupportedConfig(problem: string): SottoError {
  return new SottoError('MODEL_UNSUPPORTED', `config.json: ${problem}`);
}

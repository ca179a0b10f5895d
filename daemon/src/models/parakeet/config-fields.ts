/** Fields that the forms of `config.json` share. */
import * as v from 'valibot';

import { SottoError } from '#daemon/protocol/errors.js';
import { integer } from '#daemon/protocol/fields.js';

/** No published model has a dimension beyond this; it bounds what is allocated before the weights are read. */
const MAX_DIMENSION = 65_536;
const MAX_TOKENS = 1_000_000;
const MAX_LAYERS = 1_000;

export const dimension = v.pipe(integer, v.minValue(1), v.maxValue(MAX_DIMENSION));
export const layerCount = v.pipe(integer, v.minValue(1), v.maxValue(MAX_LAYERS));
export const tokenCount = v.pipe(integer, v.minValue(1), v.maxValue(MAX_TOKENS));
export const durations = v.pipe(
  v.array(v.pipe(integer, v.minValue(0), v.maxValue(64))),
  v.minLength(1),
  v.maxLength(64),
);
export const symbolLimit = v.pipe(integer, v.minValue(1), v.maxValue(1_000));
export const pieces = v.array(v.string());

/** @throws SottoError MODEL_UNSUPPORTED naming the field */
export function parseFields<Schema extends v.GenericSchema>(
  schema: Schema,
  json: unknown,
): v.InferOutput<Schema> {
  const parsed = v.safeParse(schema, json);
  if (parsed.success) return parsed.output;
  const [issue] = parsed.issues;
  throw new SottoError(
    'MODEL_UNSUPPORTED',
    `config.json: ${v.getDotPath(issue) ?? 'the file'}: ${issue.message}`,
  );
}

/** Schemas of errors and of `GET /health`. */
import * as v from 'valibot';
import { ERROR_CODES } from '../errors.js';
import { integer } from '../fields.js';

/** OpenAI's error, with `hint` and `retryable` added. */
export const errorBodySchema = v.object({
  error: v.object({
    message: v.string(),
    type: v.string(),
    /** The invalid field. */
    param: v.nullable(v.string()),
    code: v.picklist(ERROR_CODES),
    hint: v.string(),
    retryable: v.boolean(),
  }),
});

export const healthSchema = v.object({
  state: v.string(),
  reason: v.exactOptional(v.string()),
  version: v.string(),
  uptimeSeconds: integer,
  model: v.object({ name: v.exactOptional(v.string()), state: v.string() }),
});

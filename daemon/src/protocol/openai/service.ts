/** What every program reads of Sotto over HTTP: how it fails, and how it is. */
import * as v from 'valibot';
import { ERROR_CODES } from '../errors.js';
import { integer } from '../fields.js';

/** As OpenAI's clients read it; `hint` and `retryable` are ours. */
export const errorBodySchema = v.object({
  error: v.object({
    message: v.string(),
    type: v.string(),
    /** The field that is wrong. */
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

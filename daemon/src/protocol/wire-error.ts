/** The schema of an error in a message. A code from a newer peer that this side does not know is read as INTERNAL. */
import * as v from 'valibot';
import { ERROR_CODES } from './errors.js';

export const errorSchema = v.object({
  code: v.fallback(v.picklist(ERROR_CODES), 'INTERNAL'),
  message: v.string(),
  hint: v.string(),
  retryable: v.boolean(),
  param: v.exactOptional(v.string()),
});

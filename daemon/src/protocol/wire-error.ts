/** The schema of an error in a message. A code that this side does not know (a newer peer) reads as INTERNAL. */
import { z } from 'zod';
import { ERROR_CODES } from './errors.js';

export const errorSchema = z.object({
  code: z.enum(ERROR_CODES).catch('INTERNAL'),
  message: z.string(),
  hint: z.string(),
  retryable: z.boolean(),
});

/** Failures of the model, which affect every file. */
import type { ErrorCode } from './errors.js';

export const MODEL_ERROR_CODES = [
  'MODEL_NOT_FOUND',
  'MODEL_UNREADABLE',
  'MODEL_CORRUPT',
  'MODEL_UNSUPPORTED',
  'MODEL_LOAD_FAILED',
  'TOKENIZER_FAILED',
  'INSUFFICIENT_MEMORY',
] as const satisfies readonly ErrorCode[];

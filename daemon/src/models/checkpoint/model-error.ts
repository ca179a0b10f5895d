/** Failures in a model directory as coded errors. */
import { codeOf, messageOf, SottoError } from '#daemon/protocol/errors.js';
import { fileError, MODEL_FILE } from '#daemon/protocol/file-errors.js';
import { SafetensorsError } from '#native/safetensors/validate.js';

/** Converts any failure in a model directory to a SottoError. */
export function asModelError(error: unknown, dir: string): SottoError {
  if (error instanceof SottoError) return error;
  if (error instanceof SafetensorsError) {
    if (error.code === 'SAFETENSORS_UNREADABLE') {
      if (codeOf(error.cause) !== undefined) return fileError(error.file, error.cause, MODEL_FILE);
      return new SottoError('MODEL_UNREADABLE', error.message, { cause: error });
    }
    return new SottoError('MODEL_CORRUPT', error.message, { cause: error });
  }
  const { path } = error as { path?: unknown };
  if (typeof path === 'string') return fileError(path, error, MODEL_FILE);
  return new SottoError('MODEL_CORRUPT', `${dir}: ${messageOf(error)}`, { cause: error });
}

/** Names for a message: the first eight, and the number of the others. */
export function formatNames(names: readonly string[]): string {
  const first = names
    .slice(0, 8)
    .map((name) => name.slice(0, 200))
    .join(', ');
  return names.length > 8 ? `${first}, and ${names.length - 8} more` : first;
}

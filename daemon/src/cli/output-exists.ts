import { SottoError } from '../protocol/errors.js';

export function outputExists(path: string): SottoError {
  return new SottoError('OUTPUT_EXISTS', `${path} already exists`, {
    hint: 'choose another name, or replace it with --overwrite',
  });
}

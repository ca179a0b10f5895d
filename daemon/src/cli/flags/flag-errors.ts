/** Errors of flags that require or exclude each other. */
import { SottoError } from '../../protocol/errors.js';

/** `--fast requires --from FILE`. @param needed the other flag, with its value */
export function flagRequires(flag: string, needed: string): SottoError {
  return new SottoError('INVALID_ARGUMENT', `${flag} requires ${needed}`, {
    hint: `add ${needed}, or omit ${flag}`,
  });
}

export function flagsConflict(flag: string, other: string): SottoError {
  return new SottoError('INVALID_ARGUMENT', `${flag} can’t be combined with ${other}`, {
    hint: 'omit one of them',
  });
}

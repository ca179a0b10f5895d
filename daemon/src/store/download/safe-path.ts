/** Names that come from elsewhere, as paths that stay in their folder. */
import { join } from 'node:path';
import { SottoError } from '../../protocol/errors.js';

/**
 * What files of models are called, and nothing else: an allow-list has no hole for what nobody thought of (`..`,
 * absolute paths, drive letters, backslashes, NUL, hidden files, look-alikes that a file system folds together).
 */
const SEGMENT = /^[A-Za-z0-9_][A-Za-z0-9_.+-]*$/;

/** Of a file name, on the file systems that there are. */
const MAX_SEGMENT = 255;
const MAX_SEGMENTS = 8;

/** Whether `name`, with `/` between its parts, is one that `safePath` takes. */
export function isSafeName(name: string): boolean {
  const segments = name.split('/');
  return (
    segments.length <= MAX_SEGMENTS &&
    segments.every(
      (segment) => segment.length <= MAX_SEGMENT && SEGMENT.test(segment) && !segment.endsWith('.'),
    )
  );
}

/** `name` inside `folder`. @throws SottoError DOWNLOAD_CORRUPT for a name that is none of a model's files */
export function safePath(folder: string, name: string): string {
  if (!isSafeName(name)) {
    throw new SottoError(
      'DOWNLOAD_CORRUPT',
      `${JSON.stringify(name.slice(0, 80))} is no name for a file of a model`,
    );
  }
  return join(folder, ...name.split('/'));
}

/** Maps file names from the network to paths inside a folder. */
import { join } from 'node:path';
import { SottoError } from '../../protocol/errors.js';

/**
 * Characters of model file names. An allow-list can't miss a case (`..`, absolute paths, drive letters,
 * backslashes, NUL, hidden files, look-alikes that a file system folds together).
 */
const SEGMENT = /^[A-Za-z0-9_][A-Za-z0-9_.+-]*$/;

/** The limit of common file systems. */
const MAX_SEGMENT = 255;
const MAX_SEGMENTS = 8;

/** Whether `safePath` accepts a name, with `/` between its segments. */
export function isSafeName(name: string): boolean {
  const segments = name.split('/');
  return (
    segments.length <= MAX_SEGMENTS &&
    segments.every(
      (segment) => segment.length <= MAX_SEGMENT && SEGMENT.test(segment) && !segment.endsWith('.'),
    )
  );
}

/** `name` inside `folder`. @throws SottoError DOWNLOAD_CORRUPT for a name that no model file has */
export function safePath(folder: string, name: string): string {
  if (!isSafeName(name)) {
    throw new SottoError(
      'DOWNLOAD_CORRUPT',
      `${JSON.stringify(name.slice(0, 80))} is not a valid name of a model file`,
    );
  }
  return join(folder, ...name.split('/'));
}

import { SottoError } from '../../protocol/errors.js';
import { placeText } from './place-text.js';

/**
 * Creates a file atomically. Never replaces one.
 * @throws SottoError OUTPUT_FAILED
 */
export async function createFile(path: string, text: string): Promise<void> {
  if ((await placeText(path, text, { existing: 'keep', makeFolder: false })) === 'placed') return;
  throw new SottoError('OUTPUT_FAILED', `${path} already exists`, {
    hint: 'choose another name, or move the file away',
  });
}

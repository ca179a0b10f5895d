/** Names for several texts in one folder, without clashes. */
import { basename, extname } from 'node:path';
import { makeFolder } from '../../make-folder.js';
import { fileError, OUTPUT_FOLDER } from '../../protocol/file-errors.js';
import { sweepDrafts } from './place-text.js';

/**
 * Names for the outputs in the order of the inputs: `talk.mp3` gives `talk.txt`. Inputs that would get the same name
 * keep their extension (`talk.mp3.txt`), and are numbered if that is not enough.
 */
export function outputNames(files: readonly string[], extension: string): string[] {
  // Mac file systems ignore case.
  const key = (name: string): string => name.toLowerCase().normalize('NFC');
  const stem = (file: string): string => basename(file, extname(file));
  const count = new Map<string, number>();
  for (const file of files) count.set(key(stem(file)), (count.get(key(stem(file))) ?? 0) + 1);
  const used = new Set<string>();
  return files.map((file) => {
    const base = count.get(key(stem(file))) === 1 ? stem(file) : basename(file);
    let name = `${base}.${extension}`;
    for (let n = 2; used.has(key(name)); n++) name = `${base}-${n}.${extension}`;
    used.add(key(name));
    return name;
  });
}

/**
 * Creates the folder and removes drafts of killed processes.
 * @throws SottoError OUTPUT_FAILED
 */
export async function makeOutputFolder(folder: string): Promise<void> {
  try {
    makeFolder(folder);
    await sweepDrafts(folder);
  } catch (error) {
    throw fileError(`the output folder ${folder}`, error, OUTPUT_FOLDER);
  }
}

/** `--output DIR`: a file for each input, written whole or not at all, never two into one. */
import { randomUUID } from 'node:crypto';
import { mkdir, open, rename, rm } from 'node:fs/promises';
import { basename, dirname, extname, join } from 'node:path';
import { messageOf, SottoError } from '../protocol/errors.js';

/**
 * Names for the outputs, in the order of the inputs: `talk.mp3` gives `talk.txt`. Where two inputs would meet
 * in one name they keep their own extension (`talk.mp3.txt`), and where that is not enough they are numbered.
 */
export function outputNames(files: readonly string[], extension: string): string[] {
  // File systems of the Mac do not tell upper from lower case.
  const key = (name: string): string => name.toLowerCase().normalize('NFC');
  const stem = (file: string): string => basename(file, extname(file));
  const count = new Map<string, number>();
  for (const file of files) count.set(key(stem(file)), (count.get(key(stem(file))) ?? 0) + 1);
  const taken = new Set<string>();
  return files.map((file) => {
    const base = count.get(key(stem(file))) === 1 ? stem(file) : basename(file);
    let name = `${base}.${extension}`;
    for (let n = 2; taken.has(key(name)); n++) name = `${base}-${n}.${extension}`;
    taken.add(key(name));
    return name;
  });
}

/** @throws SottoError OUTPUT_FAILED */
export async function makeOutputFolder(folder: string): Promise<void> {
  try {
    await mkdir(folder, { recursive: true });
  } catch (error) {
    throw new SottoError('OUTPUT_FAILED', `the output folder ${folder} can't be made: ${reasonOf(error)}`, {
      cause: error,
    });
  }
}

/**
 * Writes beside the target and renames, so that a reader or a full disk never leaves half a file.
 * @throws SottoError OUTPUT_FAILED
 */
export async function writeWhole(path: string, text: string): Promise<void> {
  const draft = join(dirname(path), `.${basename(path)}.${randomUUID().slice(0, 8)}`);
  try {
    const file = await open(draft, 'wx', 0o666);
    try {
      await file.writeFile(text);
      await file.sync();
    } finally {
      await file.close();
    }
    await rename(draft, path);
  } catch (error) {
    await rm(draft, { force: true });
    throw new SottoError('OUTPUT_FAILED', `${path} can't be written: ${reasonOf(error)}`, { cause: error });
  }
}

/** "permission denied" out of "EACCES: permission denied, open '/x'". */
function reasonOf(error: unknown): string {
  const message = messageOf(error);
  return /^E[A-Z]+: ([^,]+)/.exec(message)?.[1] ?? message;
}

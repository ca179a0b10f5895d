import { rm, writeFile } from 'node:fs/promises';
import { basename, dirname, extname, join } from 'node:path';
import { SottoError, renderTranscript, type FileText, type TextFormat } from 'sotto/client';

/** `talk.srt`, or `talk 2.srt` up to `talk 1000.srt` if that exists. */
const MAX_FILE_NUMBER = 1_000;

/**
 * Saves a transcript next to its file: never over another file, complete or not at all.
 * @returns the path
 * @throws SottoError OUTPUT_FAILED
 */
export async function saveTranscript({ file, segments }: FileText, format: TextFormat): Promise<string> {
  const { path, summary } = file;
  if (summary === undefined)
    throw new SottoError('INVALID_ARGUMENT', `${basename(path)} hasn’t been transcribed yet`);
  const document = renderTranscript(format, { file: path, segments, summary });
  for (let number = 1; number <= MAX_FILE_NUMBER; number++) {
    const target = numberedPath(path, format, number);
    if (await writeNew(target, document)) return target;
  }
  throw new SottoError('OUTPUT_FAILED', 'too many files with that name');
}

/** Numbered as Finder numbers copies. */
function numberedPath(path: string, extension: string, number: number): string {
  const stem = basename(path, extname(path));
  return join(dirname(path), `${stem}${number === 1 ? '' : ` ${number}`}.${extension}`);
}

/** @returns whether the name was free */
async function writeNew(target: string, document: string): Promise<boolean> {
  try {
    await writeFile(target, document, { flag: 'wx' });
    return true;
  } catch (cause) {
    const code = typeof cause === 'object' && cause !== null && 'code' in cause ? cause.code : undefined;
    if (code === 'EEXIST') return false;
    // A full disk leaves a partial file.
    if (code === 'ENOSPC' || code === 'EIO') await rm(target, { force: true });
    const isReadOnly = code === 'EACCES' || code === 'EPERM' || code === 'EROFS';
    throw new SottoError('OUTPUT_FAILED', `can’t write ${basename(target)}`, {
      cause,
      hint: isReadOnly
        ? 'Raycast can’t write to that folder. Copy the text instead'
        : 'check that the folder exists and the disk isn’t full, or copy the text instead',
    });
  }
}

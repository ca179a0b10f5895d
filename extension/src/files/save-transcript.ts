/** A text beside the file that it was heard in: never over another file, whole or not at all. */
import { rm, writeFile } from 'node:fs/promises';
import { basename, dirname, extname, join } from 'node:path';
import { SottoError, renderTranscript, type FileText, type TextFormat } from 'sotto/client';

/** `talk.srt`, and where that is taken `talk 2.srt`; more than so many nobody wants. */
const MAX_FILE_NUMBER = 1_000;

/** @returns the path. @throws SottoError OUTPUT_FAILED */
export async function saveTranscript({ file, segments }: FileText, format: TextFormat): Promise<string> {
  const { path, summary } = file;
  if (summary === undefined) throw new SottoError('INVALID_ARGUMENT', `${basename(path)} has no text yet`);
  const document = renderTranscript(format, { file: path, segments, summary });
  for (let number = 1; number <= MAX_FILE_NUMBER; number++) {
    const target = numberedPath(path, format, number);
    if (await writeNew(target, document)) return target;
  }
  throw new SottoError('OUTPUT_FAILED', `there are ${MAX_FILE_NUMBER} files of that name already`);
}

/** As Finder numbers a copy. */
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
    // A full disk has left half of it.
    if (code === 'ENOSPC' || code === 'EIO') await rm(target, { force: true });
    const isClosed = code === 'EACCES' || code === 'EPERM' || code === 'EROFS';
    throw new SottoError('OUTPUT_FAILED', `${basename(target)} can’t be written`, {
      cause,
      hint: isClosed
        ? 'Raycast may not write into that folder: copy the text instead'
        : 'is its folder still there, and the disk not full? The text can still be copied',
    });
  }
}

/**
 * Copies a file that this program can read but the daemon can't, because macOS gives each program its own permission to read
 * Desktop, Documents and other folders.
 */
import { Readable } from 'node:stream';
import { SottoError } from '../protocol/errors.js';
import { AUDIO_FILE, fileError } from '../protocol/file-errors.js';
import { readInChildProcess } from '../read-in-child-process.js';
import { limitedUpload, sweepInputs, Upload } from '../upload.js';

/**
 * @param path absolute
 * @param folder upload folder of the daemon
 * @param onBytes called with the copied bytes after each chunk
 * @throws SottoError AUDIO_UNREADABLE, AUDIO_NOT_FOUND, PAYLOAD_TOO_LARGE, INSUFFICIENT_DISK, SPOOL_FAILED; CANCELLED once `signal` is
 *   aborted. Nothing is left in the folder then.
 */
export async function copyForDaemon(
  path: string,
  folder: string,
  signal: AbortSignal,
  onBytes: (bytes: number) => void,
): Promise<Upload> {
  sweepInputs(folder);
  const upload = await Upload.ofCommand(folder);
  const source = readInChildProcess(path, 'all', signal);
  try {
    await upload.write(Readable.from(limitedUpload(source, JSON.stringify(path), onBytes)), signal);
    signal.throwIfAborted();
    return upload;
  } catch (error) {
    await upload.discard();
    if (signal.aborted) throw new SottoError('CANCELLED', 'cancelled', { cause: error });
    throw fileError(JSON.stringify(path), error, AUDIO_FILE);
  } finally {
    source.destroy();
  }
}

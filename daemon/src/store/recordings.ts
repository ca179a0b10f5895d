/** Kept audio of past dictations: one WAV each, 16 kHz mono s16. */
import { randomBytes } from 'node:crypto';
import { lstat, open, readdir, rename, unlink, type FileHandle } from 'node:fs/promises';
import { join } from 'node:path';
import { makeFolder } from '../make-folder.js';
import { codeOf, SottoError } from '../protocol/errors.js';
import { readOrphan } from './spool/orphans.js';
import { BYTES_PER_SAMPLE, SAMPLE_RATE } from '../protocol/live.js';
import { readAll } from './spool/spool-file.js';

export const WAV_HEADER_BYTES = 44;
const SUFFIX = '.wav';
const DRAFT = '.part';
const COPY_BYTES = 256 * 1024;
/** A RIFF file counts its bytes in 32 bits: 37 hours. */
const MAX_PCM_BYTES = 2 ** 32 - 1 - WAV_HEADER_BYTES;
/** Unreferenced files older than this were left by a process that died. */
const SWEEP_AFTER_MS = 24 * 3600 * 1000;

/**
 * Writes the samples of a spool file as a recording, atomically. An earlier recording of the same dictation is
 * replaced. The spool stays.
 *
 * @returns its file name in `folder`
 * @throws SottoError SPOOL_FAILED
 */
export async function saveRecording(spool: string, folder: string): Promise<string> {
  try {
    const orphan = await readOrphan(spool);
    if (orphan === undefined) throw new Error('not a spool, or its header is truncated');
    makeFolder(folder, 0o700);
    const name = recordingName(orphan.info.id);
    const draft = join(folder, `.${name}.${randomBytes(4).toString('hex')}${DRAFT}`);
    const source = await open(spool, 'r');
    try {
      await write(draft, (target) => copyAsWav(source, orphan.pcmAt, orphan.samples, target));
    } finally {
      await source.close();
    }
    await rename(draft, join(folder, name));
    // Its name must be on disk, too, before the spool is deleted.
    const names = await open(folder, 'r');
    await names.sync().finally(() => names.close());
    return name;
  } catch (cause) {
    const full = codeOf(cause) === 'ENOSPC' || codeOf(cause) === 'EDQUOT';
    throw new SottoError('SPOOL_FAILED', `can't save the recording of ${spool} in ${folder}`, {
      cause,
      hint: full ? 'the disk is full: free some space' : 'check the permissions of the folder',
    });
  }
}

export async function removeRecording(folder: string, name: string): Promise<void> {
  // A name from a manipulated database must not lead out of the folder.
  if (!isRecording(name)) return;
  await unlink(join(folder, name)).catch(() => undefined);
}

/**
 * Removes our recordings that nothing refers to, and drafts, once they are a day old: a process that died between
 * writing a row and its file leaves them. All other files stay.
 *
 * @param written names of recordings that we wrote
 * @returns those that don't exist (any more)
 */
export async function sweepRecordings(
  folder: string,
  {
    named,
    written,
    nowMs,
  }: { readonly named: ReadonlySet<string>; readonly written: ReadonlySet<string>; readonly nowMs: number },
): Promise<string[]> {
  const names = await readdir(folder).catch(() => undefined);
  if (names === undefined) return [];
  const there = new Set(names);
  for (const name of names) {
    if (named.has(name) || !((written.has(name) && isRecording(name)) || isDraft(name))) continue;
    const path = join(folder, name);
    const found = await lstat(path).catch(() => undefined);
    if (found?.isFile() !== true || found.mtimeMs >= nowMs - SWEEP_AFTER_MS) continue;
    await unlink(path).then(
      () => there.delete(name),
      () => undefined,
    );
  }
  return [...written].filter((name) => !there.has(name) && !named.has(name));
}

/** The file name of a dictation's recording. */
export function recordingName(id: string): string {
  return `${id}${SUFFIX}`;
}

/** Whether a file is an incomplete recording of `saveRecording`. */
export function isDraft(name: string): boolean {
  return /^\.[A-Za-z0-9-]{1,64}\.wav\.[0-9a-f]{8}\.part$/.test(name);
}

function isRecording(name: string): boolean {
  return /^[A-Za-z0-9-]{1,64}\.wav$/.test(name);
}

async function write(path: string, fill: (target: FileHandle) => Promise<void>): Promise<void> {
  const target = await open(path, 'wx', 0o600);
  try {
    await fill(target);
    // On disk before the spool is deleted.
    await target.sync();
  } catch (error) {
    await unlink(path).catch(() => undefined);
    throw error;
  } finally {
    await target.close();
  }
}

async function copyAsWav(
  source: FileHandle,
  from: number,
  samples: number,
  target: FileHandle,
): Promise<void> {
  const bytes = Math.min(samples * BYTES_PER_SAMPLE, MAX_PCM_BYTES - 1);
  await target.write(wavHeader(bytes));
  for (let done = 0; done < bytes;) {
    const part = await readAll(source, from + done, Math.min(COPY_BYTES, bytes - done));
    if (part.length === 0) throw new Error('the spool became shorter');
    await target.writeFile(part);
    done += part.length;
  }
}

function wavHeader(pcmBytes: number): Buffer {
  const header = Buffer.alloc(WAV_HEADER_BYTES);
  header.write('RIFF', 0, 'latin1');
  header.writeUInt32LE(WAV_HEADER_BYTES - 8 + pcmBytes, 4);
  header.write('WAVEfmt ', 8, 'latin1');
  header.writeUInt32LE(16, 16);
  header.writeUInt16LE(1, 20); // PCM
  header.writeUInt16LE(1, 22); // one channel
  header.writeUInt32LE(SAMPLE_RATE, 24);
  header.writeUInt32LE(SAMPLE_RATE * BYTES_PER_SAMPLE, 28);
  header.writeUInt16LE(BYTES_PER_SAMPLE, 32);
  header.writeUInt16LE(8 * BYTES_PER_SAMPLE, 34);
  header.write('data', 36, 'latin1');
  header.writeUInt32LE(pcmBytes, 40);
  return header;
}

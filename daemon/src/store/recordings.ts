/**
 * Kept audio of past dictations: one file each. It is a WAV, 16 kHz mono s16, or a compact recording: the codes of a codec, in
 * fewer bytes.
 */
import { randomBytes } from 'node:crypto';
import { lstat, open, readdir, rename, unlink, type FileHandle } from 'node:fs/promises';
import { join } from 'node:path';
import { makeFolder } from '../make-folder.js';
import { codeOf, SottoError } from '../protocol/errors.js';
import { readOrphan } from './spool/orphans.js';
import { BYTES_PER_SAMPLE, SAMPLE_RATE } from '../protocol/live.js';
import { wavData, wavHeader } from '../signal/wav-format.js';
import { packCodes, PACKED_CODES_SUFFIX, type PackedCodes } from './codes/packed-codes.js';
import { readAll } from './spool/spool-file.js';

const WAV_SUFFIX = '.wav';
const DRAFT = '.part';
const COPY_BYTES = 256 * 1024;
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
    const name = recordingName(orphan.info.id);
    const source = await open(spool, 'r');
    try {
      await place(folder, name, (target) => copyAsWav(source, orphan.pcmAt, orphan.samples, target));
    } finally {
      await source.close();
    }
    return name;
  } catch (cause) {
    throw new SottoError('SPOOL_FAILED', `can't save the recording of ${spool} in ${folder}`, {
      ...{ cause, hint: hintFor(cause) },
    });
  }
}

/**
 * Writes a compact recording, atomically. The WAV of the same dictation stays.
 *
 * @returns its size in bytes
 * @throws SottoError OUTPUT_FAILED
 */
export function saveCompactRecording(folder: string, id: string, codes: PackedCodes): Promise<number> {
  const bytes = packCodes(codes);
  return saved(folder, compactRecordingName(id), async (target) => {
    await target.writeFile(bytes);
    return bytes.length;
  });
}

/**
 * Writes samples as a WAV, atomically, at any rate in Hz.
 *
 * @returns its file name in `folder`
 * @throws SottoError OUTPUT_FAILED
 */
export async function saveSamples(
  folder: string,
  id: string,
  { sampleRate, parts }: { readonly sampleRate: number; readonly parts: readonly Float32Array[] },
): Promise<string> {
  const samples = parts.reduce((sum, part) => sum + part.length, 0);
  const name = recordingName(id);
  await saved(folder, name, async (target) => {
    await target.writeFile(wavHeader({ sampleRate, format: 'int16', samples }));
    for (const part of parts) await target.writeFile(wavData(part, 'int16'));
  });
  return name;
}

/** Removes the recording of a dictation in all its forms: a compact one may have been decoded to be played. */
export async function removeRecording(folder: string, name: string): Promise<void> {
  const id = name.slice(0, Math.max(0, name.lastIndexOf('.')));
  for (const form of [name, recordingName(id), compactRecordingName(id)]) await removeOneForm(folder, form);
}

/** Removes the recording of this name only. */
export async function removeOneForm(folder: string, name: string): Promise<void> {
  // A name from a manipulated database must not lead out of the folder.
  if (isRecording(name)) await unlink(join(folder, name)).catch(() => undefined);
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
  return `${id}${WAV_SUFFIX}`;
}

export function compactRecordingName(id: string): string {
  return `${id}${PACKED_CODES_SUFFIX}`;
}

/** Whether the name of a recording is that of a compact one. */
export function isCompactRecording(name: string): boolean {
  return name.endsWith(PACKED_CODES_SUFFIX);
}

/** Whether a file is an incomplete recording. */
export function isDraft(name: string): boolean {
  return /^\.[A-Za-z0-9-]{1,64}\.(wav|codes)\.[0-9a-f]{8}\.part$/.test(name);
}

function isRecording(name: string): boolean {
  return /^[A-Za-z0-9-]{1,64}\.(wav|codes)$/.test(name);
}

/** @throws SottoError OUTPUT_FAILED */
async function saved<T>(folder: string, name: string, fill: (target: FileHandle) => Promise<T>): Promise<T> {
  try {
    return await place(folder, name, fill);
  } catch (cause) {
    throw new SottoError('OUTPUT_FAILED', `can't save the recording ${join(folder, name)}`, {
      ...{ cause, hint: hintFor(cause) },
    });
  }
}

function hintFor(cause: unknown): string {
  const isFull = codeOf(cause) === 'ENOSPC' || codeOf(cause) === 'EDQUOT';
  return isFull ? 'the disk is full: free some space' : 'check the permissions of the folder';
}

/** Writes a file first as a draft, so that it is complete or absent, and replaces one of this name. */
async function place<T>(folder: string, name: string, fill: (target: FileHandle) => Promise<T>): Promise<T> {
  makeFolder(folder, 0o700);
  const draft = join(folder, `.${name}.${randomBytes(4).toString('hex')}${DRAFT}`);
  const result = await write(draft, fill);
  await rename(draft, join(folder, name));
  // Its name must be on disk, too, before what it was made from is deleted.
  const names = await open(folder, 'r');
  await names.sync().finally(() => names.close());
  return result;
}

async function write<T>(path: string, fill: (target: FileHandle) => Promise<T>): Promise<T> {
  const target = await open(path, 'wx', 0o600);
  try {
    const result = await fill(target);
    // On disk before what it was made from is deleted.
    await target.sync();
    return result;
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
  await target.write(wavHeader({ sampleRate: SAMPLE_RATE, format: 'int16', samples }));
  const bytes = samples * BYTES_PER_SAMPLE;
  for (let done = 0; done < bytes;) {
    const part = await readAll(source, from + done, Math.min(COPY_BYTES, bytes - done));
    if (part.length === 0) throw new Error('the spool became shorter');
    await target.writeFile(part);
    done += part.length;
  }
}

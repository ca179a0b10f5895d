/**
 * All the sound of one take, from the first sample that the microphone gave: in a file, so that a take of hours is no matter
 * of memory, and in memory where the disk takes no more. A session that begins again is given it from the start.
 *
 * The file lies with the daemon's own spools and begins as they do, under another name: the daemon has the sound on its own
 * disk soon, and this is of use only for what never came there. Such a file is given the daemon's name, and is recovered.
 */
import { randomUUID } from 'node:crypto';
import { closeSync, openSync, readdirSync, readSync, renameSync, rmSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { makeFolder } from '../../make-folder.js';
import { messageOf, SottoError } from '../../protocol/errors.js';
import { BYTES_PER_SAMPLE } from '../../protocol/live.js';
import { clearCancelMark, isMarkedCancelled } from '../../store/spool/cancel-mark.js';
import { encodeHead, MAX_HEAD_BYTES, parseHead } from '../../store/spool/header.js';
import { SPOOL_SUFFIX } from '../../store/spool/spool-file.js';

/** No daemon has any of it. */
const ALONE_SUFFIX = '.unheard';
/** A daemon has taken it. */
const TAKEN_SUFFIX = '.heard';
/** The names that Sotto gives: any other file in the folder is not its own. */
const OWN_NAME = /^([A-Za-z0-9-]{1,64})\.(?:un)?heard$/;

export interface TakeSoundInfo {
  readonly language?: string;
}

export class TakeSound {
  readonly #folder: string;
  readonly #id = randomUUID();
  #headBytes = 0;
  #suffix = ALONE_SUFFIX;
  /** Undefined where there is no file, or no more. */
  #file: number | undefined;
  #inFile = 0;
  /** What the file does not have, behind what it has. */
  #rest: Int16Array[] = [];
  #samples = 0;

  /** A folder that can't be written is no reason not to listen. */
  constructor(folder: string, { language }: TakeSoundInfo = {}) {
    this.#folder = folder;
    const options = language === undefined ? {} : { language };
    const head = encodeHead({ id: this.#id, startedMs: Date.now(), options });
    try {
      makeFolder(folder, 0o700);
      this.#file = openSync(this.#path, 'wx+', 0o600);
      writeSync(this.#file, head, 0, head.length, 0);
      this.#headBytes = head.length;
    } catch {
      // On a full disk the file itself can still be made, and would stay empty.
      if (this.#file !== undefined) rmSync(this.#path, { force: true });
      this.#close();
    }
  }

  /** By which a daemon finds it, once it is left. */
  get id(): string {
    return this.#id;
  }

  get samples(): number {
    return this.#samples;
  }

  /** 16 kHz mono. Takes a copy. */
  append(samples: Int16Array): void {
    this.#samples += samples.length;
    if (this.#file === undefined || this.#rest.length > 0 || !this.#write(this.#file, samples)) {
      this.#rest.push(samples.slice());
    }
  }

  /**
   * Up to `most` samples from `from` on, at least one unless that is the end.
   * @throws SottoError SPOOL_FAILED where there are some that can't be read: no end, or they would be lost in silence
   */
  read(from: number, most: number): Int16Array {
    const count = Math.min(most, this.#samples - from);
    if (count <= 0) return new Int16Array();
    if (from < this.#inFile) return this.#readFile(from, Math.min(count, this.#inFile - from));
    let first = this.#inFile;
    for (const chunk of this.#rest) {
      if (from < first + chunk.length) return chunk.subarray(from - first, from - first + count);
      first += chunk.length;
    }
    throw this.#unreadable('it is not there');
  }

  /** A daemon has some of it on its disk: from now on it is the one who recovers it. */
  taken(): void {
    this.#rename(TAKEN_SUFFIX);
  }

  /** Nobody needs it any more. */
  remove(): void {
    this.#close();
    if (this.#headBytes > 0 && this.#suffix !== SPOOL_SUFFIX) rmSync(this.#path, { force: true });
  }

  /** For a daemon, which writes it down. @returns the name by which it finds it; undefined where nothing can be kept */
  leave(): string | undefined {
    if (this.#inFile === 0) {
      this.remove();
      return undefined;
    }
    this.#close();
    return this.#rename(SPOOL_SUFFIX) ? this.#id : undefined;
  }

  get #path(): string {
    return join(this.#folder, `${this.#id}${this.#suffix}`);
  }

  #write(file: number, samples: Int16Array): boolean {
    const bytes = new Uint8Array(samples.buffer, samples.byteOffset, samples.byteLength);
    const position = this.#headBytes + this.#inFile * BYTES_PER_SAMPLE;
    try {
      let written = 0;
      while (written < bytes.length) {
        const count = writeSync(file, bytes, written, bytes.length - written, position + written);
        if (count <= 0) return false;
        written += count;
      }
    } catch {
      return false;
    }
    this.#inFile += samples.length;
    return true;
  }

  #readFile(from: number, count: number): Int16Array {
    const samples = new Int16Array(count);
    const bytes = new Uint8Array(samples.buffer);
    const position = this.#headBytes + from * BYTES_PER_SAMPLE;
    let read = 0;
    let why = 'the file ends too early';
    try {
      while (read < bytes.length && this.#file !== undefined) {
        const got = readSync(this.#file, bytes, read, bytes.length - read, position + read);
        if (got === 0) break;
        read += got;
      }
    } catch (error) {
      why = messageOf(error);
    }
    if (read < BYTES_PER_SAMPLE) throw this.#unreadable(why);
    return samples.subarray(0, read / BYTES_PER_SAMPLE);
  }

  #unreadable(why: string): SottoError {
    return new SottoError('SPOOL_FAILED', `what was said can't be read back: ${why}`, {
      hint: `see whether the disk is well: the sound lies in ${this.#folder}`,
    });
  }

  #rename(suffix: string): boolean {
    if (this.#headBytes === 0 || this.#suffix === suffix) return false;
    try {
      const before = this.#path;
      renameSync(before, join(this.#folder, `${this.#id}${suffix}`));
      this.#suffix = suffix;
      return true;
    } catch {
      return false;
    }
  }

  #close(): void {
    if (this.#file !== undefined) closeSync(this.#file);
    this.#file = undefined;
  }
}

/** What a process that was killed left: sound that no daemon has is given to the next one, the rest is of no use. */
export function sweepSounds(folder: string): void {
  for (const name of namesIn(folder)) {
    const path = join(folder, name);
    const id = OWN_NAME.exec(name)?.[1];
    if (id === undefined) continue;
    try {
      if (isMarkedCancelled(folder, id)) {
        rmSync(path);
        clearCancelMark(folder, id);
        continue;
      }
      if (name.endsWith(ALONE_SUFFIX) && holdsSound(path)) {
        renameSync(path, path.slice(0, -ALONE_SUFFIX.length) + SPOOL_SUFFIX);
      } else if (name.endsWith(ALONE_SUFFIX) || name.endsWith(TAKEN_SUFFIX)) rmSync(path);
    } catch {
      // Somebody else may have been quicker.
    }
  }
}

function namesIn(folder: string): string[] {
  try {
    return readdirSync(folder);
  } catch {
    return [];
  }
}

function holdsSound(path: string): boolean {
  const file = openSync(path, 'r');
  try {
    const bytes = Buffer.alloc(MAX_HEAD_BYTES);
    const count = readSync(file, bytes, 0, bytes.length, 0);
    const head = parseHead(bytes.subarray(0, count));
    return head !== undefined && count > head.bytes;
  } finally {
    closeSync(file);
  }
}

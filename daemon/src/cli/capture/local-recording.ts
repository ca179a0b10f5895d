/**
 * All the sound of one take, from the first sample that the microphone gave: in a file, so that a take of hours is no matter
 * of memory, and in memory where the disk takes no more. A session that begins again is given it from the start.
 *
 * The file lies with the daemon's own spools and has their layout. Under the name of a session, a daemon that finishes the
 * session without this process reads there what it was not sent. Under the sound's own id, no daemon has any of it: it is
 * made a spool when this process ends, or by the next one, and is recovered.
 */
import { randomUUID } from 'node:crypto';
import { closeSync, existsSync, openSync, readSync, renameSync, rmSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { makeFolder } from '../../make-folder.js';
import { messageOf, SottoError } from '../../protocol/errors.js';
import { BYTES_PER_SAMPLE, SAMPLE_RATE } from '../../protocol/live.js';
import { encodeHeader } from '../../store/spool/spool-header.js';
import { SESSION_SUFFIX, UNSENT_SUFFIX } from '../../store/spool/local-recording.js';
import { SPOOL_SUFFIX } from '../../store/spool/spool-file.js';

const COPY_SAMPLES = 60 * SAMPLE_RATE;

interface LocalRecordingOptions {
  readonly language?: string;
}

export class LocalRecording {
  readonly #folder: string;
  readonly #id = randomUUID();
  readonly #head: Buffer;
  #name = `${this.#id}${UNSENT_SUFFIX}`;
  /** Undefined where there is no file, or no more. */
  #file: number | undefined;
  #inFile = 0;
  /** What the file does not have, behind what it has. */
  #rest: Int16Array[] = [];
  #samples = 0;

  /** A folder that can't be written is no reason not to listen. */
  constructor(folder: string, { language }: LocalRecordingOptions = {}) {
    this.#folder = folder;
    const options = language === undefined ? {} : { language };
    this.#head = encodeHeader({ id: this.#id, startedMs: Date.now(), options });
    try {
      makeFolder(folder, 0o700);
      this.#file = openSync(this.#path, 'wx+', 0o600);
      writeSync(this.#file, this.#head, 0, this.#head.length, 0);
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
  read(from: number, maxCount: number): Int16Array {
    const count = Math.min(maxCount, this.#samples - from);
    if (count <= 0) return new Int16Array();
    if (from < this.#inFile) return this.#readFile(from, Math.min(count, this.#inFile - from));
    let first = this.#inFile;
    for (const chunk of this.#rest) {
      if (from < first + chunk.length) return chunk.subarray(from - first, from - first + count);
      first += chunk.length;
    }
    throw this.#unreadable('it is not there');
  }

  /** A daemon has the start of it on its disk, in a session: what the session lacks, the daemon finds here. */
  taken(session: string): void {
    this.#rename(`${session}${SESSION_SUFFIX}`);
  }

  /** No session continues it: if this process dies, the next one has it recovered. */
  reclaim(): void {
    this.#rename(`${this.#id}${UNSENT_SUFFIX}`);
  }

  /** Nobody needs it any more. */
  remove(): void {
    if (this.#file !== undefined) rmSync(this.#path, { force: true });
    this.#close();
  }

  /** For a daemon, which writes it down. @returns the name by which it finds it; undefined where nothing can be kept */
  leave(): string | undefined {
    const isLeft = this.#inFile > 0 && this.#rename(`${this.#id}${SPOOL_SUFFIX}`);
    if (isLeft) this.#close();
    else this.remove();
    return isLeft ? this.#id : undefined;
  }

  get #path(): string {
    return join(this.#folder, this.#name);
  }

  #write(file: number, samples: Int16Array): boolean {
    try {
      writeAll(file, bytesOf(samples), this.#head.length + this.#inFile * BYTES_PER_SAMPLE);
    } catch {
      return false;
    }
    this.#inFile += samples.length;
    return true;
  }

  #readFile(from: number, count: number): Int16Array {
    const samples = new Int16Array(count);
    const bytes = new Uint8Array(samples.buffer);
    const position = this.#head.length + from * BYTES_PER_SAMPLE;
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
      hint: `check the disk; the audio is in ${this.#folder}`,
    });
  }

  #rename(name: string): boolean {
    if (this.#file === undefined) return false;
    if (this.#name === name) return true;
    try {
      if (existsSync(this.#path)) renameSync(this.#path, join(this.#folder, name));
      else this.#copy(join(this.#folder, name));
      this.#name = name;
      return true;
    } catch {
      return false;
    }
  }

  /** A daemon removes the file of a dictation that is cancelled. One that is restored then still has it open. */
  #copy(path: string): void {
    const copy = openSync(path, 'wx+', 0o600);
    try {
      writeAll(copy, this.#head, 0);
      for (let at = 0; at < this.#inFile;) {
        const samples = this.#readFile(at, Math.min(COPY_SAMPLES, this.#inFile - at));
        writeAll(copy, bytesOf(samples), this.#head.length + at * BYTES_PER_SAMPLE);
        at += samples.length;
      }
    } catch (error) {
      closeSync(copy);
      rmSync(path, { force: true });
      throw error;
    }
    this.#close();
    this.#file = copy;
  }

  #close(): void {
    if (this.#file !== undefined) closeSync(this.#file);
    this.#file = undefined;
  }
}

function bytesOf(samples: Int16Array): Uint8Array {
  return new Uint8Array(samples.buffer, samples.byteOffset, samples.byteLength);
}

/** A write may take less than it was given. */
function writeAll(file: number, bytes: Uint8Array, position: number): void {
  for (let written = 0; written < bytes.length;) {
    const count = writeSync(file, bytes, written, bytes.length - written, position + written);
    if (count <= 0) throw new Error('nothing could be written');
    written += count;
  }
}

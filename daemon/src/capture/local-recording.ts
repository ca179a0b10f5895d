/**
 * The complete audio of one dictation, from the microphone's first sample on: in a file, so that hours of audio
 * don't fill the memory, and in memory if the disk is full. A session that restarts gets it from the start.
 *
 * The file lies in the daemon's spool folder and has the layout of a spool. Named after a session, it holds what
 * the daemon hasn't received, for a daemon that finishes the session without this process. Named after the
 * recording's own id, no daemon has any of it: it becomes a spool and is recovered when this process exits, or by
 * the next one.
 */
import { randomUUID } from 'node:crypto';
import { closeSync, existsSync, openSync, readSync, renameSync, rmSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { makeFolder } from '../make-folder.js';
import { messageOf, SottoError } from '../protocol/errors.js';
import { BYTES_PER_SAMPLE, SAMPLE_RATE } from '../protocol/live.js';
import { encodeHeader } from '../store/spool/spool-header.js';
import { SESSION_SUFFIX, UNSENT_SUFFIX } from '../store/spool/local-recording.js';
import { SPOOL_SUFFIX } from '../store/spool/spool-file.js';

const COPY_SAMPLES = 60 * SAMPLE_RATE;

interface LocalRecordingOptions {
  readonly language?: string;
}

export class LocalRecording {
  readonly #folder: string;
  readonly #id = randomUUID();
  readonly #header: Buffer;
  #name = `${this.#id}${UNSENT_SUFFIX}`;
  /** Undefined if there is no file, or no longer one. */
  #file: number | undefined;
  #samplesInFile = 0;
  /** Samples that could not be written to the file and follow those in it. */
  #unwritten: Int16Array[] = [];
  #samples = 0;

  /** A folder that can't be written must not prevent a dictation. */
  constructor(folder: string, { language }: LocalRecordingOptions = {}) {
    this.#folder = folder;
    const options = language === undefined ? {} : { language };
    this.#header = encodeHeader({ id: this.#id, startedMs: Date.now(), options });
    try {
      makeFolder(folder, 0o700);
      this.#file = openSync(this.#path, 'wx+', 0o600);
      writeSync(this.#file, this.#header, 0, this.#header.length, 0);
    } catch {
      // On a full disk, an empty file can still be created.
      if (this.#file !== undefined) rmSync(this.#path, { force: true });
      this.#close();
    }
  }

  /** The id under which a daemon finds the recording once it is a spool. */
  get id(): string {
    return this.#id;
  }

  get samples(): number {
    return this.#samples;
  }

  /** 16 kHz mono; the samples are copied. */
  append(samples: Int16Array): void {
    this.#samples += samples.length;
    if (this.#file === undefined || this.#unwritten.length > 0 || !this.#write(this.#file, samples)) {
      this.#unwritten.push(samples.slice());
    }
  }

  /**
   * Up to `maxCount` samples from `from` on; none only at the end.
   * @throws SottoError SPOOL_FAILED if samples can't be read: returning fewer would lose them silently
   */
  read(from: number, maxCount: number): Int16Array {
    const count = Math.min(maxCount, this.#samples - from);
    if (count <= 0) return new Int16Array();
    if (from < this.#samplesInFile) return this.#readFile(from, Math.min(count, this.#samplesInFile - from));
    let first = this.#samplesInFile;
    for (const chunk of this.#unwritten) {
      if (from < first + chunk.length) return chunk.subarray(from - first, from - first + count);
      first += chunk.length;
    }
    throw this.#unreadable('the samples are missing');
  }

  /** A session has the start of the audio on disk; the daemon reads the rest of it from here. */
  assignTo(session: string): void {
    this.#rename(`${session}${SESSION_SUFFIX}`);
  }

  /** No session has the audio: the next process recovers it if this one dies. */
  reclaim(): void {
    this.#rename(`${this.#id}${UNSENT_SUFFIX}`);
  }

  remove(): void {
    if (this.#file !== undefined) rmSync(this.#path, { force: true });
    this.#close();
  }

  /** Turns the recording into a spool for a daemon. @returns its id; undefined if nothing can be kept */
  leave(): string | undefined {
    const isKept = this.#samplesInFile > 0 && this.#rename(`${this.#id}${SPOOL_SUFFIX}`);
    if (isKept) this.#close();
    else this.remove();
    return isKept ? this.#id : undefined;
  }

  get #path(): string {
    return join(this.#folder, this.#name);
  }

  #write(file: number, samples: Int16Array): boolean {
    try {
      writeAll(file, bytesOf(samples), this.#header.length + this.#samplesInFile * BYTES_PER_SAMPLE);
    } catch {
      return false;
    }
    this.#samplesInFile += samples.length;
    return true;
  }

  #readFile(from: number, count: number): Int16Array {
    const samples = new Int16Array(count);
    const bytes = new Uint8Array(samples.buffer);
    const position = this.#header.length + from * BYTES_PER_SAMPLE;
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
    return new SottoError('SPOOL_FAILED', `can't read the recording: ${why}`, {
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

  /** Copies the file that a daemon removed after a cancel: a restored dictation still has it open. */
  #copy(path: string): void {
    const copy = openSync(path, 'wx+', 0o600);
    try {
      writeAll(copy, this.#header, 0);
      for (let at = 0; at < this.#samplesInFile;) {
        const samples = this.#readFile(at, Math.min(COPY_SAMPLES, this.#samplesInFile - at));
        writeAll(copy, bytesOf(samples), this.#header.length + at * BYTES_PER_SAMPLE);
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

/** A write may be partial. */
function writeAll(file: number, bytes: Uint8Array, position: number): void {
  for (let written = 0; written < bytes.length;) {
    const count = writeSync(file, bytes, written, bytes.length - written, position + written);
    if (count <= 0) throw new Error('nothing could be written');
    written += count;
  }
}

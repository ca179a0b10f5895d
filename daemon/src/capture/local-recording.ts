/**
 * The complete audio of one dictation, from the microphone's first sample on: in a file, so that hours of audio
 * don't fill the memory, and in memory once the disk fails.
 *
 * The file lies in the daemon's spool folder and has the layout of a spool. A daemon that opens the session with the
 * recording's id makes it the session's file, and reads it while this process continues writing. Until then, no daemon
 * has any of it: it becomes a spool and is recovered when this process exits, or by the next one.
 */
import { randomUUID } from 'node:crypto';
import { closeSync, existsSync, openSync, readSync, renameSync, rmSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import type { AudioStore } from '../client/sample-store.js';
import { makeFolder } from '../make-folder.js';
import { BYTES_PER_SAMPLE, SAMPLE_RATE, type LiveOptions } from '../protocol/live.js';
import { encodeHeader } from '../store/spool/spool-header.js';
import { SPOOL_SUFFIX } from '../store/spool/spool-file.js';
import { UNSENT_SUFFIX } from '../store/spool/unsent-recording.js';

const COPY_BYTES = 60 * SAMPLE_RATE * BYTES_PER_SAMPLE;

/** How a daemon transcribes it that recovers it. */
export interface RecordingSettings {
  readonly model?: string;
  readonly options?: LiveOptions;
}

interface OpenFile {
  readonly descriptor: number;
  readonly headerBytes: number;
}

export class LocalRecording implements AudioStore {
  readonly start = 0;
  readonly isFull = false;
  readonly #folder: string;
  readonly #settings: RecordingSettings;
  readonly #startedMs = Date.now();
  #id: string = randomUUID();
  #file: OpenFile | undefined;
  /** Whether the file is named as a session's, and removed by the daemon. */
  #isHandedOver = false;
  #samplesInFile = 0;
  /** Samples that could not be written to the file and follow those in it. */
  #unwritten: Int16Array[] = [];
  #end = 0;

  /** A folder that can't be written must not prevent a dictation. */
  constructor(folder: string, settings: RecordingSettings = {}) {
    this.#folder = folder;
    this.#settings = settings;
    try {
      makeFolder(folder, 0o700);
      this.#file = this.#create(this.#id);
    } catch {
      // Everything stays in memory.
    }
  }

  /** That of the session, and of the spool once it is one. */
  get id(): string {
    return this.#id;
  }

  get end(): number {
    return this.#end;
  }

  /** Whether a daemon has made the file that of its session. */
  get isHandedOver(): boolean {
    return this.#isHandedOver;
  }

  get hasFile(): boolean {
    return this.#file !== undefined;
  }

  get samplesInFile(): number {
    return this.#samplesInFile;
  }

  /** 16 kHz mono; the samples are copied. */
  append(samples: Int16Array): void {
    this.#end += samples.length;
    if (this.#unwritten.length > 0 || !this.#write(samples)) this.#unwritten.push(samples.slice());
  }

  /** A session that replaces the current one needs all of them. */
  releaseBefore(): void {
    // Nothing is released.
  }

  /** Up to `maxSamples` of those that aren't in the file, s16le. */
  read(sample: number, maxSamples: number): Uint8Array {
    let first = this.#samplesInFile;
    for (const chunk of this.#unwritten) {
      if (sample < first + chunk.length)
        return bytesOf(chunk.subarray(sample - first, sample - first + maxSamples));
      first += chunk.length;
    }
    return new Uint8Array();
  }

  /**
   * Whether another process has removed the file, as a daemon does that starts after a cancel. This process still has
   * it open, so a dictation that is restored loses nothing.
   */
  get isFileRemoved(): boolean {
    const suffix = this.#isHandedOver ? SPOOL_SUFFIX : UNSENT_SUFFIX;
    return this.#file !== undefined && !existsSync(this.#path(suffix));
  }

  /** To be called once the session is open. */
  handOver(): void {
    this.#isHandedOver = this.#file !== undefined;
  }

  /**
   * The session has ended, or the file was removed: copies the audio to a file of its own, for another session. If that fails, the file stays
   * that of the session.
   * @param isSessionLost whether no daemon removes the session's file
   */
  reclaim(isSessionLost: boolean): void {
    const before = this.#file;
    if (before === undefined || !(this.#isHandedOver || this.isFileRemoved)) return;
    const id = randomUUID();
    const sessionPath = this.#path(SPOOL_SUFFIX);
    try {
      const copy = this.#create(id);
      try {
        this.#copy(before, copy);
      } catch (error) {
        closeSync(copy.descriptor);
        rmSync(join(this.#folder, `${id}${UNSENT_SUFFIX}`), { force: true });
        throw error;
      }
      this.#file = copy;
    } catch {
      return;
    }
    closeSync(before.descriptor);
    this.#id = id;
    this.#isHandedOver = false;
    // Otherwise a later daemon would transcribe both.
    if (isSessionLost) rmSync(sessionPath, { force: true });
  }

  remove(): void {
    if (this.#file === undefined) return;
    if (!this.#isHandedOver) rmSync(this.#path(UNSENT_SUFFIX), { force: true });
    this.#close();
  }

  /** Turns the recording into a spool for a daemon. @returns its id; undefined if nothing can be kept */
  leave(): string | undefined {
    this.reclaim(false);
    try {
      if (this.#file === undefined || this.#samplesInFile === 0 || this.#isHandedOver) return undefined;
      renameSync(this.#path(UNSENT_SUFFIX), this.#path(SPOOL_SUFFIX));
      this.#close();
      return this.#id;
    } catch {
      return undefined;
    } finally {
      this.remove();
    }
  }

  #path(suffix: string): string {
    return join(this.#folder, `${this.#id}${suffix}`);
  }

  #create(id: string): OpenFile {
    const header = encodeHeader({ id, startedMs: this.#startedMs, options: {}, ...this.#settings });
    const path = join(this.#folder, `${id}${UNSENT_SUFFIX}`);
    const descriptor = openSync(path, 'wx+', 0o600);
    try {
      writeAll(descriptor, header, 0);
    } catch (error) {
      closeSync(descriptor);
      // On a full disk, an empty file can still be created.
      rmSync(path, { force: true });
      throw error;
    }
    return { descriptor, headerBytes: header.length };
  }

  #write(samples: Int16Array): boolean {
    if (this.#file === undefined) return false;
    const { descriptor, headerBytes } = this.#file;
    try {
      writeAll(descriptor, bytesOf(samples), headerBytes + this.#samplesInFile * BYTES_PER_SAMPLE);
    } catch {
      return false;
    }
    this.#samplesInFile += samples.length;
    return true;
  }

  /** @throws what the file system throws */
  #copy(from: OpenFile, to: OpenFile): void {
    const total = this.#samplesInFile * BYTES_PER_SAMPLE;
    const buffer = Buffer.alloc(Math.min(COPY_BYTES, total));
    for (let at = 0; at < total;) {
      const count = readSync(
        from.descriptor,
        buffer,
        0,
        Math.min(buffer.length, total - at),
        from.headerBytes + at,
      );
      if (count === 0) throw new Error('the file ends too early');
      writeAll(to.descriptor, buffer.subarray(0, count), to.headerBytes + at);
      at += count;
    }
  }

  #close(): void {
    if (this.#file !== undefined) closeSync(this.#file.descriptor);
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

/** The daemon's log: JSON lines in a ring of two files that only the user can read. */
import { closeSync, fstatSync, openSync, renameSync, writeSync } from 'node:fs';
import { dirname } from 'node:path';
import { pino } from 'pino';
import type { Logger } from './logger.js';
import { makeFolder } from './make-folder.js';
import { readFileEnd } from './read-file-end.js';

const MAX_FILE_BYTES = 5 * 1024 * 1024;

/**
 * A file that starts over at a maximum size and keeps the last full one as `<path>.1`. Writes are synchronous:
 * lines are few, and the last line before a crash matters most. A full disk loses lines, never the daemon.
 */
export class RingFile {
  readonly #path: string;
  readonly #maxBytes: number;
  #fd: number | undefined;
  #bytes = 0;

  constructor(path: string, maxBytes: number = MAX_FILE_BYTES) {
    this.#path = path;
    this.#maxBytes = maxBytes;
    try {
      makeFolder(dirname(path), 0o700);
      this.#open();
    } catch {
      // A single start as root leaves a file that root owns; each line tries again.
    }
  }

  write(line: string): void {
    const bytes = Buffer.byteLength(line);
    try {
      if (this.#bytes > 0 && this.#bytes + bytes > this.#maxBytes) this.#rotate();
      if (this.#fd === undefined) this.#open();
      if (this.#fd !== undefined) this.#bytes += writeSync(this.#fd, line);
    } catch {
      // ENOSPC, EIO: a failed log line must not fail the work that it describes.
    }
  }

  close(): void {
    if (this.#fd !== undefined) closeSync(this.#fd);
    this.#fd = undefined;
  }

  #open(): void {
    this.#fd = openSync(this.#path, 'a', 0o600);
    this.#bytes = fstatSync(this.#fd).size;
  }

  #rotate(): void {
    this.close();
    renameSync(this.#path, `${this.#path}.1`);
    this.#open();
  }
}

/** Opens the log. It holds states, ids, figures and codes, never transcript text, tokens or audio. */
export function openLog(path: string, level = process.env.SOTTO_LOG_LEVEL ?? 'info'): Logger {
  const known = level in pino.levels.values || level === 'silent' ? level : 'info';
  return pino(
    { level: known, base: { pid: process.pid }, timestamp: pino.stdTimeFunctions.isoTime },
    new RingFile(path),
  );
}

/** The last lines of a log file; empty if it can't be read. */
export function readLogTail(path: string, lines: number): string[] {
  const text = readFileEnd(path, 2 * MAX_FILE_BYTES)?.trimEnd() ?? '';
  return text === '' ? [] : text.split('\n').slice(-lines);
}

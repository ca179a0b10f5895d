/**
 * The file of the user's vocabulary. It is read again after any change, also by an editor, and written atomically,
 * readable by its user only. An invalid file is reported and never overwritten. Its revision is a hash of its
 * content.
 */
import { createHash } from 'node:crypto';
import { realpathSync, statSync } from 'node:fs';
import { dirname } from 'node:path';
import { sleep } from '../../async.js';
import { codeOf, messageOf, SottoError } from '../../protocol/errors.js';
import { fileError, OUTPUT_FILE, type FileUse } from '../../protocol/file-errors.js';
import { makeFolder } from '../../make-folder.js';
import { readSmallFile } from '../../read-small-file.js';
import { VOCABULARY_LIMITS, type Vocabulary } from '../../protocol/vocabulary.js';
import { writeFileAtomic } from '../write-file-atomic.js';
import { addEntries, EMPTY_VOCABULARY, type ChangeResult } from './vocabulary-changes.js';
import { formatVocabulary, parseVocabularyFile } from './vocabulary-format.js';

/** Revision of a vocabulary that was never written. */
export const NO_REVISION = 'none';

const RETRY_INTERVAL_MS = 20;
/** Another process holds the lock for a few milliseconds. */
const LOCK_TIMEOUT_MS = 3_000;
/** A file written by hand may be longer than ours. */
const MAX_FILE_BYTES = 8 * VOCABULARY_LIMITS.bytes;
const VOCABULARY_FILE: FileUse = { code: 'VOCABULARY_CORRUPT', verb: 'read' };

export interface StoredVocabulary {
  readonly vocabulary: Vocabulary;
  readonly revision: string;
}

const NOTHING: StoredVocabulary = { vocabulary: EMPTY_VOCABULARY, revision: NO_REVISION };

interface CachedRead {
  /** Changes with the file. */
  readonly mark: string;
  readonly kept: StoredVocabulary | SottoError;
}

export class VocabularyFile {
  readonly #path: string;
  #cached: CachedRead | undefined;

  constructor(path: string) {
    this.#path = path;
  }

  /** The current vocabulary; costs one `stat` while the file is unchanged. @throws SottoError VOCABULARY_CORRUPT */
  read(): StoredVocabulary {
    const mark = this.#mark();
    if (mark === undefined) return NOTHING;
    if (this.#cached?.mark !== mark) this.#cached = { mark, kept: this.#parse() };
    const { kept } = this.#cached;
    if (kept instanceof SottoError) throw kept;
    return kept;
  }

  /**
   * Changes the current vocabulary, serialized with other processes.
   * @param revision the revision that the caller has seen; any if left out
   * @throws SottoError VOCABULARY_CORRUPT, VOCABULARY_CHANGED, OUTPUT_FAILED, BUSY, or an error of `change`
   */
  async change(
    change: (now: Vocabulary) => ChangeResult,
    revision?: string,
  ): Promise<StoredVocabulary & Pick<ChangeResult, 'change'>> {
    const lock = await this.#lock();
    try {
      // Not the cached version: two versions may look the same within one tick of the file system's clock.
      this.#cached = undefined;
      const before = this.read();
      if (revision !== undefined && revision !== before.revision) {
        throw new SottoError('VOCABULARY_CHANGED', 'the vocabulary has changed meanwhile');
      }
      const changed = change(before.vocabulary);
      await this.#write(changed.vocabulary);
      this.#cached = undefined;
      return { ...this.read(), change: changed.change };
    } finally {
      lock.release();
    }
  }

  #mark(): string | undefined {
    try {
      const { dev, ino, mtimeNs, size } = statSync(this.#path, { bigint: true });
      return [dev, ino, mtimeNs, size].join(' ');
    } catch (error) {
      if (codeOf(error) === 'ENOENT') return undefined;
      throw fileError(this.#path, error, VOCABULARY_FILE);
    }
  }

  #parse(): StoredVocabulary | SottoError {
    try {
      const text = readSmallFile(this.#path, MAX_FILE_BYTES, VOCABULARY_FILE);
      // A file written by hand may have duplicates.
      const { vocabulary } = addEntries(EMPTY_VOCABULARY, parseVocabularyFile(text));
      const revision = createHash('sha256').update(text).digest('hex').slice(0, 16);
      return { vocabulary, revision };
    } catch (error) {
      if (error instanceof SottoError && error.code === VOCABULARY_FILE.code) return error;
      return this.#broken(`is not valid: ${messageOf(error)}`, error);
    }
  }

  async #write(vocabulary: Vocabulary): Promise<void> {
    try {
      // A symbolic link is kept, as used for dotfiles.
      const path = statSync(this.#path, { throwIfNoEntry: false }) ? realpathSync(this.#path) : this.#path;
      await writeFileAtomic(path, formatVocabulary(vocabulary), 0o600);
    } catch (error) {
      throw cantWrite(this.#path, error);
    }
  }

  async #lock(): Promise<{ release(): void }> {
    // Loaded on the first change, because it loads SQLite.
    const { tryLock } = await import('../process-lock.js');
    try {
      makeFolder(dirname(this.#path), 0o700);
    } catch (error) {
      throw cantWrite(this.#path, error);
    }
    for (
      const until = performance.now() + LOCK_TIMEOUT_MS;
      performance.now() < until;
      await sleep(RETRY_INTERVAL_MS)
    ) {
      const lock = tryLock(`${this.#path}.lock`);
      if (lock !== undefined) return lock;
    }
    throw new SottoError('BUSY', 'another process is changing the vocabulary', {
      hint: 'try again in a moment',
    });
  }

  #broken(what: string, cause?: unknown): SottoError {
    return new SottoError('VOCABULARY_CORRUPT', `${this.#path} ${what}`, { cause });
  }
}

function cantWrite(path: string, cause: unknown): SottoError {
  return fileError(path, cause, OUTPUT_FILE);
}

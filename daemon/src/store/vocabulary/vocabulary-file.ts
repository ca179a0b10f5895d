/**
 * The file of the user's vocabulary: read again whenever somebody has changed it, by hand too; written as a whole, for its
 * user alone. One that is broken is said, and never written over. Its revision is a hash of what is in it.
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
import { added, EMPTY_VOCABULARY, type Changed } from './change.js';
import { formatVocabulary, parseVocabularyFile } from './vocabulary-format.js';

/** Revision of a vocabulary that was never written. */
export const NO_REVISION = 'none';

const RETRY_INTERVAL_MS = 20;
/** Another one writes for a few milliseconds. */
const LOCK_TIMEOUT_MS = 3_000;
/** Written by hand it may be longer than it need be. */
const MAX_FILE_BYTES = 8 * VOCABULARY_LIMITS.bytes;
const VOCABULARY_FILE: FileUse = { code: 'VOCABULARY_CORRUPT', verb: 'read' };

export interface StoredVocabulary {
  readonly vocabulary: Vocabulary;
  readonly revision: string;
}

const NOTHING: StoredVocabulary = { vocabulary: EMPTY_VOCABULARY, revision: NO_REVISION };

interface CachedRead {
  /** What tells that the file is another one. */
  readonly mark: string;
  readonly kept: StoredVocabulary | SottoError;
}

export class VocabularyFile {
  readonly #path: string;
  #cached: CachedRead | undefined;

  constructor(path: string) {
    this.#path = path;
  }

  /** As it is now; costs one look at the file's date as long as nobody changes it. @throws SottoError VOCABULARY_CORRUPT */
  read(): StoredVocabulary {
    const mark = this.#mark();
    if (mark === undefined) return NOTHING;
    if (this.#cached?.mark !== mark) this.#cached = { mark, kept: this.#parse() };
    const { kept } = this.#cached;
    if (kept instanceof SottoError) throw kept;
    return kept;
  }

  /**
   * Changes what is there when it is written, whoever else does so at the same time.
   * @param revision of what the one who wants it has seen; any, when left out
   * @throws SottoError VOCABULARY_CORRUPT, VOCABULARY_CHANGED, OUTPUT_FAILED, BUSY, or what `change` throws
   */
  async change(
    change: (now: Vocabulary) => Changed,
    revision?: string,
  ): Promise<StoredVocabulary & Pick<Changed, 'change'>> {
    const lock = await this.#lock();
    try {
      // Not what was seen before: within one tick of the file system's clock two may look the same.
      this.#cached = undefined;
      const before = this.read();
      if (revision !== undefined && revision !== before.revision) {
        throw new SottoError('VOCABULARY_CHANGED', 'the vocabulary was changed elsewhere meanwhile');
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
      // Twice the same word is no reason to refuse what somebody wrote by hand.
      const { vocabulary } = added(EMPTY_VOCABULARY, parseVocabularyFile(text));
      const revision = createHash('sha256').update(text).digest('hex').slice(0, 16);
      return { vocabulary, revision };
    } catch (error) {
      if (error instanceof SottoError && error.code === VOCABULARY_FILE.code) return error;
      return this.#broken(`is not valid: ${messageOf(error)}`, error);
    }
  }

  async #write(vocabulary: Vocabulary): Promise<void> {
    try {
      // Where it is a link, as people have who keep such files in one place, it stays one.
      const path = statSync(this.#path, { throwIfNoEntry: false }) ? realpathSync(this.#path) : this.#path;
      await writeFileAtomic(path, formatVocabulary(vocabulary), 0o600);
    } catch (error) {
      throw cantWrite(this.#path, error);
    }
  }

  async #lock(): Promise<{ release(): void }> {
    // SQLite, which it is done with, is loaded when somebody changes something.
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

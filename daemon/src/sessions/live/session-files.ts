/** The files of the sessions in their folder: spools, journals, marks of cancelled ones, recordings of their clients. */
import { join } from 'node:path';
import type { Logger } from '../../logger.js';
import { SottoError } from '../../protocol/errors.js';
import { codedError } from '../../protocol/file-errors.js';
import {
  clearCancelMark,
  findCancelMarks,
  isMarkedCancelled,
  markCancelled,
} from '../../store/spool/cancel-mark.js';
import type { SpoolInfo } from '../../store/spool/spool-header.js';
import { Journal, journalOf, type JournalEntry } from '../../store/spool/journal.js';
import { findLocalRecording, removeLocalRecordings } from '../../store/spool/local-recording.js';
import { findOrphan, findOrphans, removeSpool, type Orphan } from '../../store/spool/orphans.js';
import { SPOOL_SUFFIX, SpoolFile, type OpenSpool, type UnlinkSpool } from '../../store/spool/spool-file.js';
import { sweepSpools } from '../../store/spool/sweep-spools.js';
import { SessionAudio } from './session-audio.js';

interface SessionFilesOptions {
  /** It is there, and its user's alone. */
  readonly folder: string;
  readonly log: Logger;
  /** Opens files; tests put one in its place that fails. */
  readonly openFile?: OpenSpool;
  readonly unlinkFile?: UnlinkSpool;
}

/** What a session has said, as it is on disk, and where the rest goes: nowhere, if it can't be written. */
export interface OpenJournal {
  readonly entries: JournalEntry[];
  readonly journal: { current: Journal | undefined };
}

export class SessionFiles {
  readonly #options: SessionFilesOptions;

  constructor(options: SessionFilesOptions) {
    this.#options = options;
  }

  /** Without a disk the audio is kept in memory, and that is said with the first of it. */
  async create(info: SpoolInfo): Promise<SessionAudio> {
    const { folder, openFile, unlinkFile } = this.#options;
    const openSpool = (): Promise<SpoolFile> => SpoolFile.create(folder, info, openFile, unlinkFile);
    const spool = await openSpool().catch((error: unknown) => SottoError.from(error));
    return new SessionAudio(openSpool, spool instanceof SottoError ? undefined : spool);
  }

  /** @throws SottoError SPOOL_FAILED */
  async reopen(orphan: Orphan): Promise<SessionAudio> {
    const { folder, openFile } = this.#options;
    const spool = await SpoolFile.reopen(orphan, openFile);
    return new SessionAudio(() => SpoolFile.create(folder, orphan.info, openFile), spool);
  }

  async openJournal(id: string): Promise<OpenJournal> {
    const { log, openFile } = this.#options;
    try {
      const { entries, journal } = await Journal.open(journalOf(this.#spool(id)), openFile);
      return { entries, journal: { current: journal } };
    } catch (error) {
      log.warn({ session: id, message: codedError(error).message }, 'nothing can be written down');
      return { entries: [], journal: { current: undefined } };
    }
  }

  /**
   * Samples of the recording that a session's client kept, from one number on, in pieces of up to `most`, s16le. None where
   * there is no recording, or no more of it.
   * @throws what the file system throws
   */
  async *recorded(id: string, from: number, maxSamples: number): AsyncGenerator<Buffer, void> {
    const { folder, openFile } = this.#options;
    const recording = await findLocalRecording(folder, id, openFile);
    if (recording === undefined || recording.samples <= from) return;
    const file = await SpoolFile.reopen(recording, openFile);
    try {
      for (let at = from; at < recording.samples; at += maxSamples)
        yield await file.read(at, at + maxSamples);
    } finally {
      await file.close();
    }
  }

  /** Removes spool, journal and recordings of a session. */
  async remove(id: string): Promise<void> {
    const { folder, unlinkFile } = this.#options;
    await removeSpool(this.#spool(id), unlinkFile);
    await removeLocalRecordings(folder, id, unlinkFile);
  }

  find(id: string): Promise<Orphan | undefined> {
    return findOrphan(this.#options.folder, id);
  }

  /** The oldest first. */
  findAll(): Promise<Orphan[]> {
    return findOrphans(this.#options.folder);
  }

  /** Removes what no daemon can use. @param isInUse whether a session of this daemon has the id */
  sweep(isInUse: (id: string) => boolean): Promise<void> {
    return sweepSpools(this.#options.folder, isInUse);
  }

  isMarkedCancelled(id: string): boolean {
    return isMarkedCancelled(this.#options.folder, id);
  }

  markCancelled(id: string): void {
    markCancelled(this.#options.folder, id);
  }

  clearCancelMark(id: string): void {
    clearCancelMark(this.#options.folder, id);
  }

  /** Ids of all that are marked. */
  findCancelMarks(): string[] {
    return findCancelMarks(this.#options.folder);
  }

  #spool(id: string): string {
    return join(this.#options.folder, `${id}${SPOOL_SUFFIX}`);
  }
}

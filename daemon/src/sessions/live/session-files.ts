/** The files of the sessions in one directory: spools, journals, cancel marks, clients' recordings. */
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
import { adoptRecording, removeUnsentRecording } from '../../store/spool/unsent-recording.js';
import { findOrphan, findOrphans, removeSpool, type Orphan } from '../../store/spool/orphans.js';
import { SPOOL_SUFFIX, SpoolFile, type OpenSpool, type UnlinkSpool } from '../../store/spool/spool-file.js';
import { sweepSpools } from '../../store/spool/sweep-spools.js';
import { SessionAudio } from './session-audio.js';

interface SessionFilesOptions {
  /** It exists and only its user can read it. */
  readonly folder: string;
  readonly log: Logger;
  /** Opens files; tests inject one that fails. */
  readonly openFile?: OpenSpool;
  readonly unlinkFile?: UnlinkSpool;
}

/** The journal of a session: the entries on disk, and where new ones go (nowhere if it can't be written). */
export interface OpenJournal {
  readonly entries: JournalEntry[];
  readonly journal: { current: Journal | undefined };
}

export class SessionFiles {
  readonly #options: SessionFilesOptions;

  constructor(options: SessionFilesOptions) {
    this.#options = options;
  }

  /** If the disk fails, the audio stays in memory; the first append reports it. */
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

  /** Makes the client's recording the file of its session. @throws SottoError SPOOL_FAILED */
  async adopt(id: string): Promise<SessionAudio> {
    const { folder, openFile } = this.#options;
    return this.reopen(await adoptRecording(folder, id, openFile));
  }

  async openJournal(id: string): Promise<OpenJournal> {
    const { log, openFile } = this.#options;
    try {
      const { entries, journal } = await Journal.open(journalOf(this.#spool(id)), openFile);
      return { entries, journal: { current: journal } };
    } catch (error) {
      log.warn({ session: id, message: codedError(error).message }, 'the journal can’t be opened');
      return { entries: [], journal: { current: undefined } };
    }
  }

  /** Removes spool, journal and recording of a session. */
  async remove(id: string): Promise<void> {
    const { folder, unlinkFile } = this.#options;
    await removeSpool(this.#spool(id), unlinkFile);
    await removeUnsentRecording(folder, id, unlinkFile);
  }

  find(id: string): Promise<Orphan | undefined> {
    return findOrphan(this.#options.folder, id);
  }

  /** The oldest first. */
  findAll(): Promise<Orphan[]> {
    return findOrphans(this.#options.folder);
  }

  /** Removes files that no daemon can use. @param isInUse whether this daemon has a session of that id */
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

  /** Ids of all marked sessions. */
  findCancelMarks(): string[] {
    return findCancelMarks(this.#options.folder);
  }

  #spool(id: string): string {
    return join(this.#options.folder, `${id}${SPOOL_SUFFIX}`);
  }
}

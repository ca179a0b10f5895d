/**
 * The sessions of all clients: opened, resumed after a lost connection or a dead daemon, and finished if no client
 * resumes them.
 */
import type { SessionView } from '../../protocol/session-view.js';
import { SessionViewer } from './session-viewer.js';
import type { Clock, Timer } from '../../clock.js';
import type { Logger } from '../../logger.js';
import { SottoError } from '../../protocol/errors.js';
import { codedError } from '../../protocol/file-errors.js';
import { isTerminal, SAMPLE_RATE, type SessionCheckpoint } from '../../protocol/live.js';
import { LIMITS } from '../../protocol/version.js';
import type { Journal, JournalEntry } from '../../store/spool/journal.js';
import type { Orphan } from '../../store/spool/orphans.js';
import type { OpenSpool, UnlinkSpool } from '../../store/spool/spool-file.js';
import type { Engine } from '../../supervisor/engine.js';
import { LiveSession } from './live-session.js';
import {
  SessionModels,
  type RequestedSettings,
  type SessionModelsOptions,
  type SessionSettings,
} from './session-models.js';
import { recoverSessions } from './recover-sessions.js';
import type { DictationResult } from './dictation-result.js';
import { EventLog, type LoggedEvent } from './event-log.js';
import { StreamingReplacer } from '../vocabulary/streaming-replacer.js';
import { applyReplacementsWithWords } from '../vocabulary/apply-replacements.js';
import { hotwordsFor, NO_VOCABULARY, type ActiveVocabulary } from '../vocabulary/active-vocabulary.js';
import { SessionFiles, type OpenJournal } from './session-files.js';
import type { SessionAudio } from './session-audio.js';
import { defined } from '../../protocol/defined.js';

/** How long a session waits for a disconnected client before it is finished. */
const GRACE_MS = 1_000;
/** Clients need longer after the daemon started, since they may have started it. */
const GRACE_AT_START_MS = 5_000;
/** How long a session that ended can be resumed to read its end; its files are removed then. */
const RETAIN_AFTER_END_MS = 10_000;

export interface LiveRequest extends RequestedSettings {
  readonly id: string;
  /** Whether the client has a recording with this id, which becomes the session's file. */
  readonly hasRecording?: boolean;
  /**
   * Not a user's dictation: it is not kept in the history, ends with its client, and leaves nothing behind when
   * this daemon ends.
   */
  readonly transient?: boolean;
  /** Detects voice only: called with the voice probability of each frame, once and in order. */
  readonly onVoice?: (probabilities: readonly number[]) => void;
}

export type LiveNotice = LoggedEvent | { readonly acknowledged: number };
export type LiveListener = (notice: LiveNotice) => void;

interface LiveSessionsOptions extends SessionModelsOptions {
  readonly engine: Engine;
  readonly clock: Clock;
  readonly log: Logger;
  /** Directory of the spools; it exists and only its user can read it. */
  readonly folder: string;
  readonly keep: (outcome: DictationResult) => Promise<string | undefined>;
  /** The user's vocabulary; none if omitted. */
  readonly vocabulary?: Pick<ActiveVocabulary, 'current'>;
  /** Called when the last session ends and when the first one opens. */
  readonly onIdleChange?: (idle: boolean) => void;
  /** Opens files; tests inject one that fails. */
  readonly openFile?: OpenSpool;
  readonly unlinkFile?: UnlinkSpool;
}

interface Entry {
  readonly session: LiveSession;
  readonly events: EventLog;
  readonly journal: { current: Journal | undefined };
  listener: LiveListener | undefined;
  readonly transient: boolean;
  readonly voiceOnly: boolean;
  /** Whether its files may be removed. */
  isRemovable: boolean;
  /** Of the grace period, or of the removal of a session that is over. */
  timer?: Timer;
}

export class LiveSessions {
  readonly #options: LiveSessionsOptions;
  readonly #files: SessionFiles;
  readonly #models: SessionModels;
  readonly #entries = new Map<string, Entry>();
  /** Sessions that are being opened or restored. */
  readonly #opening = new Map<string, Promise<Entry>>();
  #recovering: Promise<void> = Promise.resolve();
  #audioSeconds = 0;
  #stopping = false;
  #whenFinished: (() => void) | undefined;

  constructor(options: LiveSessionsOptions) {
    this.#options = options;
    this.#files = new SessionFiles(options);
    this.#models = new SessionModels(options);
  }

  /** Sessions that are not over. */
  get count(): number {
    let count = this.#opening.size;
    for (const { session } of this.#entries.values()) if (!session.isOver) count++;
    return count;
  }

  /** Those of them that are transcribed. */
  get transcribing(): number {
    const listening = [...this.#entries.values()].filter(
      ({ session, voiceOnly }) => voiceOnly && !session.isOver,
    );
    return this.count - listening.length;
  }

  get isIdle(): boolean {
    return this.count === 0;
  }

  /** Total audio of the sessions that are over. */
  get audioSeconds(): number {
    return this.#audioSeconds;
  }

  /**
   * Opens a session; it is finished soon unless a client listens to it.
   * @throws SottoError BUSY, INVALID_ARGUMENT (the id is in use), DAEMON_UNAVAILABLE, MODEL_UNREADABLE, SPOOL_FAILED (its
   *   recording is missing), or what `resolveModel` throws
   */
  async open(request: LiveRequest): Promise<LiveSession> {
    const { id } = request;
    this.#assertCanOpen(id);
    const settings =
      request.onVoice === undefined ? this.#models.resolve(request) : this.#models.plain(request);
    const entry = await this.#openOnce(id, () => this.#create(request, settings));
    this.#finishAfter(entry, GRACE_MS);
    return entry.session;
  }

  /** Transcribes a session from the first sample with other settings; its events report the result. */
  async switch(session: LiveSession, request: number, wanted: RequestedSettings): Promise<void> {
    try {
      const settings = this.#models.resolve(wanted);
      await this.#models.assertReadable(settings.model);
      session.switchTo(settings, request);
    } catch (error) {
      session.switchFailed(codedError(error), request);
    }
  }

  /**
   * Shows a session to a client that does not record it.
   *
   * @param send returns whether the view was sent
   * @returns ends the view
   * @throws SottoError SESSION_NOT_FOUND for a session that this daemon does not have (yet)
   */
  watch(id: string, send: (view: SessionView) => boolean): () => void {
    const entry = this.#entries.get(id);
    if (entry === undefined || entry.transient) {
      throw new SottoError('SESSION_NOT_FOUND', 'the dictation is not known (any more)');
    }
    const { fallbackFor, model } = entry.session.settings;
    const { replacer } = (this.#options.vocabulary ?? NO_VOCABULARY).current();
    const viewer = new SessionViewer({ model: model.name, fallbackFor, replacer, send });
    return entry.events.watch((notice) => viewer.receive(notice));
  }

  /** Applies the user's current replacements to the text of a session while it grows. */
  streamingReplacer(): StreamingReplacer {
    return new StreamingReplacer((this.#options.vocabulary ?? NO_VOCABULARY).current().replacer);
  }

  /** Fails if there is no model of this name. @throws what `resolveModel` throws */
  checkModel(model: string | undefined): void {
    this.#options.resolveModel(model);
  }

  /**
   * Finds a session of a disconnected client, of this daemon or another.
   * @throws SottoError SESSION_NOT_FOUND
   */
  async find(id: string): Promise<LiveSession> {
    let entry = this.#entries.get(id);
    if (entry === undefined) {
      if (this.#stopping) throw stoppingError();
      if (this.#files.isMarkedCancelled(id)) await this.discard(id);
      entry = await this.#opening.get(id);
      const found = entry === undefined ? await this.#files.find(id) : undefined;
      const orphan = found?.info.transient === true ? undefined : found;
      // Another client may have found it meanwhile.
      entry ??= this.#entries.get(id) ?? (orphan && (await this.#restore(orphan)));
    }
    if (entry === undefined || entry.transient) {
      throw new SottoError('SESSION_NOT_FOUND', 'the dictation is not known (any more)');
    }
    this.#finishAfter(entry, GRACE_MS);
    return entry.session;
  }

  /**
   * Replaces the listener of a session.
   * @param seq number of the last event that it knows
   */
  setListener(session: LiveSession, listener: LiveListener, seq: number): void {
    const entry = this.#entries.get(session.id);
    if (entry?.session !== session) return;
    if (!session.isOver) {
      entry.timer?.cancel();
      delete entry.timer;
    }
    entry.listener = listener;
    entry.events.setListener(listener, seq);
  }

  /** Removes a listener that disconnected. The session is finished if no client resumes it soon. */
  removeListener(session: LiveSession, listener: LiveListener): void {
    const entry = this.#entries.get(session.id);
    if (entry?.listener !== listener) return;
    entry.listener = undefined;
    entry.events.removeListener(listener);
    this.#finishAfter(entry, GRACE_MS);
  }

  /**
   * Removes everything of a session, in whatever state it is: audio, text, history entry. An unknown session is not
   * an error.
   * @throws SottoError DAEMON_UNAVAILABLE, OUTPUT_FAILED
   */
  async discard(id: string): Promise<void> {
    if (this.#stopping) throw stoppingError();
    const { keep } = this.#options;
    const entry = this.#entries.get(id) ?? (await this.#opening.get(id)?.catch(() => undefined));
    if (entry?.transient === true) return;
    if (entry !== undefined && !entry.session.isOver) {
      entry.session.cancel();
      await entry.events.flush();
    }
    if (entry !== undefined) entry.isRemovable = true;
    await this.#files.remove(id);
    await keep({ id, startedMs: 0, result: { state: 'cancelled' } });
    this.#files.clearCancelMark(id);
  }

  /** Restores the sessions of earlier daemons: clients may resume them, the others are finished. */
  recover(): Promise<void> {
    this.#recovering = recoverSessions({
      files: this.#files,
      log: this.#options.log,
      isInUse: (id) => this.#entries.has(id) || this.#opening.has(id),
      isStopping: () => this.#stopping,
      discard: (id) => this.discard(id),
      restore: async (orphan) => this.#finishAfter(await this.#restore(orphan), GRACE_AT_START_MS),
    });
    return this.#recovering;
  }

  /** Gives the finishing sessions `graceMs`; the others stay on disk for the next daemon. */
  async stop(graceMs: number): Promise<void> {
    this.#stopping = true;
    await this.#recovering;
    if ([...this.#entries.values()].some(({ session }) => session.isFinishing)) {
      const finished = new Promise<void>((resolve) => (this.#whenFinished = resolve));
      const graceTimer = this.#options.clock.after(graceMs, () => this.#whenFinished?.());
      await finished;
      graceTimer.cancel();
    }
    for (const entry of this.#entries.values()) {
      entry.timer?.cancel();
      if (!entry.session.isOver) await entry.session.suspend();
      await entry.journal.current?.close();
      if (entry.isRemovable || entry.transient) await this.#files.remove(entry.session.id);
    }
    this.#entries.clear();
  }

  #assertCanOpen(id: string): void {
    if (this.#stopping) throw stoppingError();
    if (this.#entries.has(id) || this.#opening.has(id)) {
      throw new SottoError('INVALID_ARGUMENT', 'a dictation with this id already exists');
    }
    if (this.count >= LIMITS.liveSessions) {
      throw new SottoError('BUSY', `${LIMITS.liveSessions} dictations are already running`, {
        hint: 'wait until one of them has finished',
      });
    }
  }

  /** Opens or restores each session once, however many clients ask for it. */
  #openOnce(id: string, begin: () => Promise<Entry>): Promise<Entry> {
    const running = this.#opening.get(id);
    if (running !== undefined) return running;
    if (this.isIdle) this.#options.onIdleChange?.(false);
    const opening = begin().finally(() => {
      this.#opening.delete(id);
      if (this.isIdle) this.#options.onIdleChange?.(true);
    });
    this.#opening.set(id, opening);
    return opening;
  }

  async #create(request: LiveRequest, settings: SessionSettings): Promise<Entry> {
    const { id, hasRecording = false, onVoice, transient = false } = request;
    const { english, model, options } = settings;
    await this.#models.assertReadable(model);
    const startedMs = Date.now();
    // The directory, since another daemon may have another default model.
    const choice = { model: model.dir, ...defined({ english: english?.dir }) };
    const info = { id, startedMs, options, ...choice, ...(transient && { transient }) };
    const audio = hasRecording ? await this.#files.adopt(id) : await this.#files.create(info);
    const journal = transient ? noJournal() : await this.#files.openJournal(id);
    const entry = this.#begin({
      id,
      startedMs,
      settings,
      audio,
      journal,
      transient,
      ...defined({ onVoice }),
    });
    // The recording doesn't say which model transcribes it.
    if (hasRecording) entry.session.appendSwitched(0);
    return entry;
  }

  #restore(orphan: Orphan): Promise<Entry> {
    const { id, startedMs } = orphan.info;
    return this.#openOnce(id, async () => {
      const journal = await this.#files.openJournal(id);
      try {
        const switched = journal.entries.findLast(({ settings }) => settings !== undefined)?.settings;
        const { settings, missing } = await this.#models.restore(switched ?? orphan.info);
        const audio = await this.#files.reopen(orphan);
        this.#options.log.info(
          { session: id, samples: orphan.samples },
          'continuing a dictation of another daemon',
        );
        return this.#begin({
          id,
          startedMs,
          settings,
          audio,
          journal,
          transient: false,
          ...defined({ missing }),
        });
      } catch (error) {
        await journal.journal.current?.close();
        throw error;
      }
    });
  }

  #begin(init: {
    id: string;
    startedMs: number;
    settings: SessionSettings;
    audio: SessionAudio;
    journal: OpenJournal;
    transient: boolean;
    onVoice?: NonNullable<LiveRequest['onVoice']>;
    /** Why another model than before is used. */
    missing?: SottoError;
  }): Entry {
    const { id, startedMs, settings, audio, transient, onVoice, missing } = init;
    const { clock, engine, log, vocabulary = NO_VOCABULARY } = this.#options;
    const { words, problem } = vocabulary.current();
    const { entries, journal } = init.journal;
    const checkpoint = missing === undefined ? lastCheckpoint(entries) : undefined;
    const events = new EventLog(
      entries,
      async (entry) => journal.current?.append(entry),
      (error) => {
        // Another daemon would repeat the text from here on, but it has the audio, which matters more.
        log.warn({ session: id, message: codedError(error).message }, 'the journal can’t be written');
      },
    );
    const last = entries.at(-1)?.event;
    const isOver = last !== undefined && isTerminal(last);
    const session = new LiveSession({
      id,
      startedMs,
      settings,
      afterRefusal: (refused, error) => this.#models.afterRefusal(refused, error),
      engineOptions: (options) => ({ ...options, ...hotwordsFor(options, words) }),
      // The vocabulary at the end: a replacement that is added during a dictation applies to it.
      applyReplacements: (options, original) =>
        applyReplacementsWithWords(
          (options.vocabulary === false ? NO_VOCABULARY : vocabulary).current().replacer,
          original,
        ),
      engine,
      clock,
      log,
      audio,
      events,
      ...defined({ checkpoint }),
      onAcknowledged: (samples) => entry.listener?.({ acknowledged: samples }),
      keep: transient ? () => Promise.resolve(undefined) : (outcome) => this.#keep(outcome),
      isCancelledElsewhere: () => !transient && this.#files.isMarkedCancelled(id),
      ...defined({
        committedUntilSeconds: missing === undefined ? undefined : (events.words.at(-1)?.end ?? 0),
        onVoice,
      }),
      isOver,
      onOver: (isKept) => this.#onOver(entry, isKept),
    });
    const voiceOnly = onVoice !== undefined;
    const entry: Entry = {
      session,
      events,
      journal,
      listener: undefined,
      transient,
      voiceOnly,
      isRemovable: isOver,
    };
    this.#entries.set(id, entry);
    if (isOver) this.#remember(entry);
    else session.start();
    for (const error of isOver ? [] : [problem, missing])
      if (error !== undefined) void events.append({ type: 'warning', error: error.toWire() });
    return entry;
  }

  #finishAfter(entry: Entry, graceMs: number): void {
    if (entry.listener !== undefined || entry.session.isOver) return;
    entry.timer?.cancel();
    entry.timer = this.#options.clock.after(graceMs, () => void this.#finishUnattended(entry));
  }

  async #finishUnattended(entry: Entry): Promise<void> {
    const { session, transient } = entry;
    const isUnattended = (): boolean => entry.listener === undefined;
    try {
      if (!transient) await session.completeFromFile(isUnattended);
    } catch (error) {
      const { code, message } = codedError(error);
      this.#options.log.error(
        { session: session.id, code, message },
        'the file of a dictation can’t be read',
      );
    }
    if (isUnattended()) session.finish();
  }

  async #keep(outcome: DictationResult): Promise<string | undefined> {
    const { keep, log } = this.#options;
    if (outcome.result.state !== 'cancelled') return keep(outcome);
    try {
      await keep(outcome);
    } catch (error) {
      log.error(
        { session: outcome.id, message: codedError(error).message },
        'a cancelled dictation may be in the history',
      );
      // The next daemon removes it from the history.
      this.#files.markCancelled(outcome.id);
      return undefined;
    }
    this.#files.clearCancelMark(outcome.id);
    return undefined;
  }

  #onOver(entry: Entry, isKept: boolean): void {
    this.#audioSeconds += entry.session.acknowledged / SAMPLE_RATE;
    void entry.journal.current?.close();
    entry.journal.current = undefined;
    entry.isRemovable = isKept;
    this.#remember(entry);
    // A client that resumes reads the end from memory.
    if (entry.session.isCancelled) void this.#files.remove(entry.session.id);
    else this.#discardIfMarked(entry);
    if (this.isIdle) this.#options.onIdleChange?.(true);
    if (![...this.#entries.values()].some(({ session }) => session.isFinishing)) this.#whenFinished?.();
  }

  #remember(entry: Entry): void {
    entry.timer?.cancel();
    const forget = (): void => {
      this.#entries.delete(entry.session.id);
      if (entry.isRemovable) void this.#files.remove(entry.session.id);
      this.#discardIfMarked(entry);
    };
    if (entry.transient) forget();
    else entry.timer = this.#options.clock.after(RETAIN_AFTER_END_MS, forget);
  }

  /** Discards a session that was cancelled while its result was being kept, or after. */
  #discardIfMarked({ session, transient }: Entry): void {
    const { log } = this.#options;
    if (transient || session.isCancelled || !this.#files.isMarkedCancelled(session.id)) return;
    this.discard(session.id).catch((error: unknown) => {
      log.error({ session: session.id, message: codedError(error).message }, 'dictation not discarded');
    });
  }
}

/** A transient session is never continued, so its events are not written. */
function noJournal(): OpenJournal {
  return { entries: [], journal: { current: undefined } };
}

function lastCheckpoint(entries: readonly JournalEntry[]): SessionCheckpoint | undefined {
  // A checkpoint of before a switch is another model's.
  return entries.findLast((entry) => entry.checkpoint !== undefined || entry.settings !== undefined)
    ?.checkpoint;
}

function stoppingError(): SottoError {
  return new SottoError('DAEMON_UNAVAILABLE', 'the daemon is stopping', { hint: 'try again in a moment' });
}

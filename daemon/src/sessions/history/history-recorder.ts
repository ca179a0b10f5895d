/** Saves a finished dictation to the history, with or without its audio. */
import { existsSync } from 'node:fs';
import type { Logger } from '../../logger.js';
import type { Paths } from '../../paths.js';
import { codedError } from '../../protocol/file-errors.js';
import type { DictationResult } from '../live/dictation-result.js';
import { readSettings } from '../../settings.js';
import type { StoredDictation, History } from '../../store/history/index.js';
import { retryWhileBusy, SERVING_BUSY_MS } from '../../store/history/retry-busy.js';
import { defined } from '../../protocol/defined.js';

export class HistoryRecorder {
  readonly #paths: Paths;
  readonly #log: Logger;
  #history: Promise<History> | undefined;

  constructor(paths: Paths, log: Logger) {
    this.#paths = paths;
    this.#log = log;
  }

  /**
   * Saves everything before the spool is deleted; if it throws, the spool stays for the next daemon. May be called
   * twice for a dictation.
   * @returns the name of the recording, if any
   */
  async keep({ id, result, spool, startedMs }: DictationResult): Promise<string | undefined> {
    if (result.state === 'cancelled') return this.#discard(id);
    const { history: retention } = readSettings(this.#paths.settings);
    // A dictation that hasn't been read may have to be transcribed again, which needs its audio.
    const wantsAudio = retention.keepAudio || result.state !== 'final';
    if (result.text === '' && result.state !== 'failed') return undefined;
    const audio = wantsAudio && spool !== undefined ? await this.#record(id, spool) : undefined;
    const { durationSeconds, language, model, text, words } = result;
    await this.#add({
      id,
      startedMs,
      durationSeconds,
      text,
      words,
      model,
      state: result.state,
      ...defined({ language }),
      ...(result.state === 'failed' && { errorCode: result.error.code }),
      ...defined({ audio }),
    });
    return audio;
  }

  /** Applies the retention settings, if there is a history. */
  async tidy(): Promise<void> {
    const history = await this.existingHistory();
    if (history === undefined) return;
    const { applyRetention } = await import('../../store/history/index.js');
    const { history: retention } = readSettings(this.#paths.settings);
    await applyRetention(history, this.#paths.recordings, retention, Date.now());
  }

  /** The shared history file; clients query it, too. @throws SottoError OUTPUT_FAILED */
  history(): Promise<History> {
    return this.#open();
  }

  /** The same, if there is a file. */
  existingHistory(): Promise<History> | undefined {
    return this.#history === undefined && !existsSync(this.#paths.history) ? undefined : this.#open();
  }

  async close(): Promise<void> {
    (await this.#history)?.close();
  }

  /** A daemon that didn't receive the cancel may have saved it. */
  async #discard(id: string): Promise<undefined> {
    if (this.#history !== undefined || existsSync(this.#paths.history))
      await this.#write((history) => history.destroy([id]));
    const { recordingName, removeRecording } = await import('../../store/recordings.js');
    await removeRecording(this.#paths.recordings, recordingName(id));
    return undefined;
  }

  async #record(id: string, spool: string): Promise<string> {
    const { recordingName, saveRecording } = await import('../../store/recordings.js');
    // Noted before the file is written, so that a file without a row is known to be ours.
    await this.#write((history) => history.noteRecording(recordingName(id)));
    return saveRecording(spool, this.#paths.recordings);
  }

  async #add(dictation: StoredDictation): Promise<void> {
    await this.#write((history) => history.add(dictation));
    await this.tidy();
  }

  async #write(work: (history: History) => unknown): Promise<void> {
    const history = await this.#open();
    await retryWhileBusy(() => work(history));
  }

  /** Opened with the first dictation, so that the daemon starts without loading SQLite. */
  #open(): Promise<History> {
    this.#history ??= import('../../store/history/index.js').then(({ History }) =>
      retryWhileBusy(() =>
        History.open(this.#paths.history, {
          busyMs: SERVING_BUSY_MS,
          onWarning: (error) =>
            this.#log.warn({ code: error.code, message: error.message }, 'history of dictations'),
        }),
      ),
    );
    this.#history.catch((error: unknown) => {
      this.#history = undefined;
      this.#log.error({ message: codedError(error).message }, 'can’t open the history of dictations');
    });
    return this.#history;
  }
}

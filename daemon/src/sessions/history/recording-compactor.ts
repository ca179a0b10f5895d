/** Replaces kept recordings by their codes, a day after the text was final, if the settings say so. */
import { join } from 'node:path';
import type { Logger } from '../../logger.js';
import { SottoError } from '../../protocol/errors.js';
import { readSettings } from '../../settings.js';
import type { History } from '../../store/history/index.js';
import { retryWhileBusy } from '../../store/history/retry-busy.js';
import {
  compactRecordingName,
  recordingName,
  removeOneForm,
  saveCompactRecording,
} from '../../store/recordings.js';
import { encodeRecording, type EncodingQueue } from './encode-recording.js';

/** Until then, another model can transcribe the original. */
const KEEP_WAV_MS = 24 * 3600 * 1000;

interface RecordingCompactorOptions {
  readonly queue: EncodingQueue;
  /** The shared history file; undefined if there is none yet. */
  readonly history: () => Promise<History> | undefined;
  /** Folder of the recordings. */
  readonly recordings: string;
  /** Path of settings.json. */
  readonly settings: string;
  readonly log: Logger;
  /** The system's time in ms since 1970. */
  readonly nowMs: () => number;
}

export class RecordingCompactor {
  readonly #options: RecordingCompactorOptions;
  readonly #stopped = new AbortController();
  #running: Promise<void> | undefined;

  constructor(options: RecordingCompactorOptions) {
    this.#options = options;
  }

  /** Encodes those that are due, the oldest first. A failure is logged, and the next run tries again. */
  run(): Promise<void> {
    this.#running ??= this.#encodeDue()
      .catch((error: unknown) => this.#report(error))
      .finally(() => (this.#running = undefined));
    return this.#running;
  }

  stop(): void {
    this.#stopped.abort();
  }

  async #encodeDue(): Promise<void> {
    const { history: open, settings, nowMs } = this.#options;
    const { keepAudio, compactAudio } = readSettings(settings).history;
    if (!keepAudio || !compactAudio) return;
    const history = await open();
    if (history === undefined) return;
    const now = await retryWhileBusy(() => history.trustedTime(nowMs()));
    for (const { id } of history.withWavBefore(now - KEEP_WAV_MS)) {
      if (this.#stopped.signal.aborted) return;
      try {
        await this.#encode(history, id);
      } catch (thrown) {
        const error = SottoError.from(thrown);
        // Another recording may be readable; a codec that is missing, and a full disk, affect all of them.
        if (!isAboutFile(error)) throw error;
        this.#report(error);
      }
    }
  }

  async #encode(history: History, id: string): Promise<void> {
    const { queue, recordings } = this.#options;
    const from = recordingName(id);
    const codes = await encodeRecording(queue, this, join(recordings, from), this.#stopped.signal);
    const to = compactRecordingName(id);
    // Noted before the file is written, so that a file without a row is known to be ours.
    await retryWhileBusy(() => history.noteRecording(to));
    const bytes = await saveCompactRecording(recordings, id, codes);
    const isReplaced = await retryWhileBusy(() => history.replaceRecording(id, { from, to, bytes }));
    // It may have been deleted or recovered meanwhile.
    await removeOneForm(recordings, isReplaced ? from : to);
  }

  #report(thrown: unknown): void {
    const { code, message } = SottoError.from(thrown);
    if (code === 'CANCELLED') return;
    this.#options.log.warn({ code, message }, 'a recording could not be stored in compact form');
  }
}

const isAboutFile = ({ code }: SottoError): boolean => code.startsWith('AUDIO_');

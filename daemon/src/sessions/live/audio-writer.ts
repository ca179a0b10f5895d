/** Writes a session's audio to its file, and again while the disk refuses it, even if no new audio comes. */
import type { Clock, Timer } from '../../clock.js';
import { SottoError } from '../../protocol/errors.js';
import { memoryFullError, type SessionAudio } from './session-audio.js';

const RETRY_MS = 1_000;

interface AudioWriterDeps {
  readonly audio: SessionAudio;
  readonly clock: Clock;
  /** Called after each write. */
  readonly onWritten: () => void;
  /** The audio is in memory for now. Called once, until a write succeeds. */
  readonly onRefused: (error: SottoError) => void;
  /** No more audio can be kept. */
  readonly onFull: (error: SottoError) => void;
}

export class AudioWriter {
  readonly #deps: AudioWriterDeps;
  #isRefused = false;
  #isStopped = false;
  #retry: Timer | undefined;

  constructor(deps: AudioWriterDeps) {
    this.#deps = deps;
  }

  /** @param pcm s16le */
  async write(pcm: Uint8Array): Promise<void> {
    await this.#try(() => this.#deps.audio.append(pcm));
  }

  /** Stops the retries. */
  stop(): void {
    this.#isStopped = true;
    this.#retry?.cancel();
  }

  async #try(write: () => Promise<void>): Promise<void> {
    const { audio, onFull, onRefused, onWritten } = this.#deps;
    try {
      await write();
      this.#isRefused = false;
      onWritten();
    } catch (thrown) {
      if (audio.isFull) onFull(memoryFullError(thrown));
      else if (!this.#isRefused) {
        this.#isRefused = true;
        onRefused(SottoError.from(thrown, 'SPOOL_FAILED'));
      }
      this.#retryLater();
    }
  }

  #retryLater(): void {
    if (this.#isStopped) return;
    const { audio, clock } = this.#deps;
    this.#retry ??= clock.after(RETRY_MS, () => {
      this.#retry = undefined;
      if (!this.#isStopped) void this.#try(() => audio.flush());
    });
  }
}

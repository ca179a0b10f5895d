/** The progress of a batch. One implementation for terminals, one for everything else. */
import type { SottoError } from '../protocol/errors.js';
import type { JobEvent } from '../protocol/messages.js';
import type { BatchFile } from '../store/batch/batch-run.js';
import type { Transcript } from '../writers/index.js';

export interface BatchView {
  /** Reports the number of files found so far. */
  scanning(files: number): void;
  /** Reports what all files wait for. */
  waiting(what: string): void;
  event(file: BatchFile, event: JobEvent): void;
  done(file: BatchFile, transcript: Transcript): void;
  /** `number` is absent for a file that never started. */
  failed(file: Pick<BatchFile, 'path'> & Partial<BatchFile>, error: SottoError): void;
  /** The file started and waits again. */
  left(file: BatchFile): void;
  note(text: string): void;
  /** Restores the terminal. */
  close(): void;
}

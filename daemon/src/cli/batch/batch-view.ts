/** How a command shows the work on many files. One for terminals, one for everything else. */
import type { SottoError } from '../../protocol/errors.js';
import type { JobEvent } from '../../protocol/messages.js';
import type { BatchFile } from '../../store/batch/batch-run.js';
import type { Transcript } from '../../writers/index.js';

export interface BatchView {
  /** So many files have been found, and more may be. */
  scanning(files: number): void;
  /** Something that everything waits for. */
  waiting(what: string): void;
  event(file: BatchFile, event: JobEvent): void;
  done(file: BatchFile, transcript: Transcript): void;
  /** `number` is left out for what was never begun. */
  failed(file: Pick<BatchFile, 'path'> & Partial<BatchFile>, error: SottoError): void;
  /** It was begun, and waits again. */
  left(file: BatchFile): void;
  /** A remark that is no error. */
  note(text: string): void;
  /** Leaves the terminal as it was. */
  close(): void;
}

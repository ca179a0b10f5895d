/** The outcome of a dictation, for the history. */
import type { SottoError } from '../../protocol/errors.js';
import type { Word } from '../../protocol/transcription.js';

interface Text {
  readonly text: string;
  readonly words: readonly Word[];
  readonly language?: string;
  readonly durationSeconds: number;
  readonly model: string;
}

export interface DictationResult {
  readonly id: string;
  /** Since 1970. */
  readonly startedMs: number;
  /** Path of its audio if it was ever on disk. Removed some time after the result is kept. */
  readonly spool?: string;
  /**
   * `recovered`: the client was lost before the text was final. `left`: the client left the dictation to the
   * daemon.
   */
  readonly result:
    | ({ readonly state: 'final' | 'recovered' | 'left' } & Text)
    | ({ readonly state: 'failed'; readonly error: SottoError } & Text)
    | { readonly state: 'cancelled' };
}

/** What became of a take, for whoever keeps it. */
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
  /** Its audio, if it was ever on disk. It goes some time after this is kept. */
  readonly spool?: string;
  /** `recovered`: its client was lost before it was final. `left`: the client has left it to the daemon. */
  readonly result:
    | ({ readonly state: 'final' | 'recovered' | 'left' } & Text)
    | ({ readonly state: 'failed'; readonly error: SottoError } & Text)
    | { readonly state: 'cancelled' };
}

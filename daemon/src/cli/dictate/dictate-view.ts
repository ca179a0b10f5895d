/** How a dictation is shown. One view for terminals, one for everything else. */
import type { DictationEvent } from '../../client/index.js';
import type { SottoError } from '../../protocol/errors.js';
import type { LevelMeter } from './level-meter.js';
import type { AudioSourceInfo } from './audio-source.js';

export interface DictateView {
  /** The work begins; nothing is open yet. `levels` will be those of what is heard. */
  begin(levels: LevelMeter): void;
  /** No daemon runs: one is started. */
  startingDaemon(): void;
  /** Sound comes from here on. */
  sourceOpened(source: AudioSourceInfo): void;
  /** There is more in `levels`. */
  levelsChanged(): void;
  event(event: DictationEvent): void;
  /** The user has said all, and waits. */
  finishing(): void;
  /** A remark that is no error. */
  note(text: string): void;
  failed(error: SottoError): void;
  /** Leaves the terminal as it was. */
  close(): void;
  /** After the text: facts on it. */
  summary(facts: readonly string[]): void;
}

/** What is told to the user about an event, where it is more than text; undefined for the rest. */
export function noticeOf(event: DictationEvent): string | undefined {
  switch (event.type) {
    case 'connection':
      return event.state === 'lost'
        ? 'reconnecting to the daemon; keep talking, nothing is lost'
        : 'reconnected';
    case 'state':
      return event.state === 'restarting'
        ? 'the speech engine is restarting; keep talking, nothing is lost'
        : undefined;
    case 'opened':
      return event.fallbackFor === undefined
        ? undefined
        : `using ${event.model} instead of ${event.fallbackFor} (\`sotto daemon status\`)`;
    case 'warning':
      return event.error.hint === '' ? event.error.message : `${event.error.message} — ${event.error.hint}`;
    default:
      return undefined;
  }
}

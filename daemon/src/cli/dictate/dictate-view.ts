/** How a dictation is shown: one view for terminals, one for everything else. */
import type { DictationEvent } from '../../client/index.js';
import type { SottoError } from '../../protocol/errors.js';
import type { LevelMeter } from '../../capture/level-meter.js';
import type { AudioSourceInfo } from '../../capture/audio-source.js';

export interface DictateView {
  /** Called before anything is open. `levels` measures the audio of this dictation. */
  begin(levels: LevelMeter): void;
  startingDaemon(): void;
  /** Audio arrives from now on. */
  sourceOpened(source: AudioSourceInfo): void;
  /** `levels` has new audio. */
  levelsChanged(): void;
  event(event: DictationEvent): void;
  /** The user has finished and waits for the final text. */
  finishing(): void;
  note(text: string): void;
  failed(error: SottoError): void;
  /** Restores the terminal. */
  close(): void;
  /** Facts to show after the text. */
  summary(facts: readonly string[]): void;
}

/** The message for an event that is more than text; undefined for all others. */
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

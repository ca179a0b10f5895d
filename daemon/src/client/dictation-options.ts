/** Options and events of a dictation for the caller. */
import type { LiveEvent, LiveOptions } from '../protocol/live.js';
import type { SottoClient } from './client.js';

export interface DictationOptions {
  /** Called at once and after each lost connection. The dictation closes the returned client at its end. */
  readonly connect: () => Promise<SottoClient>;
  /** Whether other callers use the connection, so that it must stay open. */
  readonly isShared?: boolean;
  /**
   * Called if the dictation was cancelled and no daemon has acknowledged it. The dictation retries for `giveUpMs`; a process
   * that may exit before that should leave a marker in the daemon's folder.
   */
  readonly onUnacknowledgedCancel?: (id: string) => void;
  /** Name or absolute folder; the default model if omitted. */
  readonly model?: string;
  readonly options?: LiveOptions;
  /** Globally unique id of the session; random if omitted. */
  readonly id?: string;
  readonly reconnect?: Partial<ReconnectTimes>;
}

export interface ReconnectTimes {
  /** Pause after the first failed attempt; doubled after each. */
  readonly firstPauseMs: number;
  readonly longestPauseMs: number;
  /** The session fails if it can't reconnect for this long. */
  readonly giveUpMs: number;
  /** A daemon that gets audio and sends no message for this long, not even a level, is considered lost. */
  readonly silentMs: number;
}

export type DictationEvent =
  | LiveEvent
  /** The session is open. `model` transcribes, as a fallback for `fallbackFor` if that is present. */
  | { readonly type: 'opened'; readonly model: string; readonly fallbackFor?: string }
  /** No audio is lost meanwhile. */
  | { readonly type: 'connection'; readonly state: 'lost' | 'restored' };

export const RECONNECT: ReconnectTimes = {
  firstPauseMs: 50,
  longestPauseMs: 1_000,
  giveUpMs: 20_000,
  silentMs: 10_000,
};

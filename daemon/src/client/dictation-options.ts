/** What a program says about a dictation that it opens, and what it is told of it. */
import type { LiveEvent, LiveOptions } from '../protocol/live.js';
import type { SottoClient } from './client.js';

export interface DictationOptions {
  /** Called at once, and again whenever the connection was lost. The dictation closes what it gives, once it is over. */
  readonly connect: () => Promise<SottoClient>;
  /** Whether others use the connection, too: it is left open then. */
  readonly isShared?: boolean;
  /**
   * Told when the dictation was cancelled and no daemon has answered. The dictation tries to reach one as long as
   * `giveUpMs`; a process that may end before leaves a mark in the daemon's folder.
   */
  readonly onUnacknowledgedCancel?: (id: string) => void;
  /** Name or absolute folder of the model; the daemon's own when left out. */
  readonly model?: string;
  readonly options?: LiveOptions;
  /** Names the session, for all time; a new one when left out. */
  readonly id?: string;
  readonly reconnect?: Partial<ReconnectTimes>;
}

export interface ReconnectTimes {
  /** The pause after the first vain attempt; doubled after each. */
  readonly firstPauseMs: number;
  readonly longestPauseMs: number;
  /** A connection that can't be made again for so long ends the session here. */
  readonly giveUpMs: number;
  /** A daemon that says nothing for so long, not even how loud it is, though it is given sound, is lost. */
  readonly silentMs: number;
}

export type DictationEvent =
  | LiveEvent
  /** The daemon has taken the session; `model` writes it down, in place of another one where that is not there. */
  | { readonly type: 'opened'; readonly model: string; readonly fallbackFor?: string }
  /** Nothing is lost meanwhile. */
  | { readonly type: 'connection'; readonly state: 'lost' | 'restored' };

export const RECONNECT: ReconnectTimes = {
  firstPauseMs: 50,
  longestPauseMs: 1_000,
  giveUpMs: 20_000,
  silentMs: 10_000,
};

/** Follows the text of one live session after another, across lost connections and daemons that restart. */
import { sleep } from '../async.js';
import { defined } from '../protocol/defined.js';
import type { SessionState } from '../protocol/live.js';
import type { DaemonMessage } from '../protocol/messages.js';
import type { SessionView } from '../protocol/session-view.js';
import type { ClientChannel, SottoClient } from './client.js';

/** A session that was just opened is found at the first or second attempt; one of a dead daemon, once the next one has it. */
const FIRST_PAUSE_MS = 25;
const LONGEST_PAUSE_MS = 250;

export interface SessionText {
  /** Text that is never taken back, with the vocabulary applied. */
  readonly committed: string;
  /** What the model expects next. */
  readonly tentative: string;
  readonly speaking: boolean;
  readonly language?: string;
  /** The model that transcribes, and the unavailable one that it replaces. */
  readonly model?: string;
  readonly fallbackFor?: string;
  readonly engine?: SessionState;
}

export const NO_TEXT: SessionText = { committed: '', tentative: '', speaking: false };

interface SessionFollowerDeps {
  /** Connects to the running daemon. */
  readonly connect: () => Promise<SottoClient>;
  readonly onText: (text: SessionText) => void;
}

export class SessionFollower {
  readonly #deps: SessionFollowerDeps;
  #client: SottoClient | undefined;
  #channel: ClientChannel | undefined;
  #id: string | undefined;
  #isClosed = false;

  constructor(deps: SessionFollowerDeps) {
    this.#deps = deps;
  }

  /** Follows this session from now on, from its first word. */
  follow(id: string): void {
    if (this.#id === id || this.#isClosed) return;
    this.#leave();
    this.#id = id;
    void this.#subscribe(id);
  }

  close(): void {
    this.#isClosed = true;
    this.#leave();
    this.#client?.close();
  }

  #leave(): void {
    if (this.#id !== undefined) this.#channel?.send({ type: 'unwatch', id: this.#id });
    this.#channel?.close();
    this.#channel = undefined;
  }

  async #subscribe(id: string): Promise<void> {
    for (let pauseMs = FIRST_PAUSE_MS; this.#follows(id);) {
      const outcome = await this.#watch(id).catch(() => 'retry' as const);
      if (outcome === 'over') return;
      await sleep(pauseMs);
      pauseMs = outcome === 'lost' ? FIRST_PAUSE_MS : Math.min(2 * pauseMs, LONGEST_PAUSE_MS);
    }
  }

  #follows(id: string): boolean {
    return this.#id === id && !this.#isClosed;
  }

  /** Resolves when the view has ended. `lost`: it had begun. */
  async #watch(id: string): Promise<'over' | 'lost' | 'retry'> {
    if (this.#client?.connected !== true) {
      const client = await this.#deps.connect();
      if (this.#isClosed) client.close();
      this.#client = client;
    }
    const client = this.#client;
    if (!this.#follows(id)) return 'over';
    let committed = '';
    let isBegun = false;
    return new Promise((resolve) => {
      const end = (outcome: 'over' | 'lost' | 'retry'): void => {
        channel.close();
        resolve(outcome);
      };
      const channel = client.channel(id, {
        receive: (message: DaemonMessage) => {
          if (message.type !== 'view') {
            end(isBegun ? 'lost' : 'retry');
            return;
          }
          isBegun = true;
          committed = committed.slice(0, message.view.from) + message.view.committed;
          if (this.#follows(id)) this.#deps.onText(textOf(message.view, committed));
          if (message.view.isOver) end('over');
        },
        lost: () => end(isBegun ? 'lost' : 'retry'),
      });
      this.#channel = channel;
      channel.send({ type: 'watch', id });
    });
  }
}

function textOf(view: SessionView, committed: string): SessionText {
  const { tentative, speaking, language, model, fallbackFor, state: engine } = view;
  return { committed, tentative, speaking, model, ...defined({ language, fallbackFor, engine }) };
}

/** The live sessions that one client watches. */
import { SottoError } from '../protocol/errors.js';
import type { ClientMessage, DaemonMessage } from '../protocol/messages.js';
import type { LiveSessions } from '../sessions/live/live-sessions.js';

const MAX_VIEWS = 8;

/** @returns whether it was sent */
type SendView = (message: Extract<DaemonMessage, { type: 'view' }>) => boolean;

export class SessionViews {
  readonly #live: LiveSessions;
  readonly #send: SendView;
  /** Ends each view. */
  readonly #views = new Map<string, () => void>();

  constructor(live: LiveSessions, send: SendView) {
    this.#live = live;
    this.#send = send;
  }

  /** @throws SottoError INVALID_ARGUMENT, BUSY, SESSION_NOT_FOUND */
  watch({ id }: Extract<ClientMessage, { type: 'watch' }>): void {
    if (this.#views.has(id)) throw new SottoError('INVALID_ARGUMENT', 'this session is being watched');
    if (this.#views.size >= MAX_VIEWS) throw new SottoError('BUSY', `this client has ${MAX_VIEWS} views`);
    const end = this.#live.watch(id, (view) => {
      const isSent = this.#send({ type: 'view', id, view });
      if (view.isOver && isSent) this.unwatch(id);
      return isSent;
    });
    this.#views.set(id, end);
  }

  unwatch(id: string): void {
    this.#views.get(id)?.();
    this.#views.delete(id);
  }

  /** The client disconnected. */
  close(): void {
    for (const end of this.#views.values()) end();
    this.#views.clear();
  }
}

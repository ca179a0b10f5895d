/** What one client asks about models: its requests that are not over, and their answers as messages. */
import { SottoError } from '../protocol/errors.js';
import type { ClientMessage, DaemonMessage } from '../protocol/messages.js';
import { MODEL_LIMITS } from '../protocol/models.js';
import type { ModelService } from '../sessions/models/model-service.js';
import type { ModelJobEvent, Subscription } from '../sessions/models/model-job.js';

/** @returns whether it was sent: what is only for display is not, to a reader who is slow */
export type Send = (message: DaemonMessage, onlyForDisplay: boolean) => boolean;

export class ModelRequests {
  readonly #service: ModelService;
  readonly #send: Send;
  readonly #open = new Map<string, Subscription>();
  /** Those of them that end only when they are called off. */
  readonly #watches = new Set<string>();

  constructor(service: ModelService, send: Send) {
    this.#service = service;
    this.#send = send;
  }

  /** Requests that come to an end by themselves. */
  get working(): number {
    return this.#open.size - this.#watches.size;
  }

  has(id: string): boolean {
    return this.#open.has(id);
  }

  /** @throws SottoError INVALID_ARGUMENT (the id is in use), BUSY, or what the desk refuses it for */
  handle({ id, request }: Extract<ClientMessage, { type: 'models' }>): void {
    if (this.#open.has(id)) throw new SottoError('INVALID_ARGUMENT', 'a request of this id is under way');
    if (this.#open.size >= MODEL_LIMITS.requestsPerConnection) {
      throw new SottoError(
        'BUSY',
        `${MODEL_LIMITS.requestsPerConnection} requests of this client are in progress`,
      );
    }
    this.#open.set(
      id,
      this.#service.request(request, (notice) => this.#notify(id, notice)),
    );
    if (request.do === 'watch') this.#watches.add(id);
  }

  /** @returns whether there is a request of this id */
  cancel(id: string): boolean {
    const subscription = this.#open.get(id);
    subscription?.cancel();
    return subscription !== undefined;
  }

  /** The client is gone; what belongs to the daemon goes on. */
  close(): void {
    for (const subscription of this.#open.values()) subscription.leave();
    this.#open.clear();
  }

  #notify(id: string, notice: ModelJobEvent): boolean {
    if (notice.type === 'event') {
      return this.#send({ ...notice, type: 'models-event', id }, notice.seq === undefined);
    }
    this.#open.delete(id);
    this.#watches.delete(id);
    if (notice.type === 'failed')
      return this.#send({ type: 'failed', id, seq: notice.seq, error: notice.error.toWire() }, false);
    if (notice.type === 'cancelled') return this.#send({ ...notice, id }, false);
    return this.#send({ ...notice, type: 'models-done', id }, false);
  }
}

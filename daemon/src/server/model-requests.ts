/** The active requests of one client about models. */
import { SottoError } from '../protocol/errors.js';
import type { ClientMessage, DaemonMessage } from '../protocol/messages.js';
import { MODEL_LIMITS } from '../protocol/models.js';
import type { ModelService } from '../sessions/models/model-service.js';
import type { ModelJobEvent, Subscription } from '../sessions/models/model-job.js';

/** @returns whether it was sent; a slow reader may miss messages that are only for display */
export type Send = (message: DaemonMessage, onlyForDisplay: boolean) => boolean;

export class ModelRequests {
  readonly #service: ModelService;
  readonly #send: Send;
  readonly #open = new Map<string, Subscription>();
  /** Requests that end only when they are cancelled. */
  readonly #watches = new Set<string>();

  constructor(service: ModelService, send: Send) {
    this.#service = service;
    this.#send = send;
  }

  /** Number of requests that end by themselves. */
  get working(): number {
    return this.#open.size - this.#watches.size;
  }

  has(id: string): boolean {
    return this.#open.has(id);
  }

  /** @throws SottoError INVALID_ARGUMENT (the id is in use), BUSY, or an error of the service */
  handle({ id, request }: Extract<ClientMessage, { type: 'models' }>): void {
    if (this.#open.has(id)) throw new SottoError('INVALID_ARGUMENT', 'a request with this id is active');
    if (this.#open.size >= MODEL_LIMITS.requestsPerConnection) {
      throw new SottoError('BUSY', `this client has ${MODEL_LIMITS.requestsPerConnection} active requests`);
    }
    this.#open.set(
      id,
      this.#service.request(request, (notice) => this.#notify(id, notice)),
    );
    if (request.do === 'watch') this.#watches.add(id);
  }

  /** @returns whether there is a request with this id */
  cancel(id: string): boolean {
    const subscription = this.#open.get(id);
    subscription?.cancel();
    return subscription !== undefined;
  }

  /** The client disconnected; jobs of the daemon continue. */
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

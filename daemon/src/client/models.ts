/**
 * Requests about models.
 *
 * @example
 * const pull = client.models.pull('turbo');
 * for await (const event of pull) if (event.type === 'progress') console.log(event.fraction);
 * const { name } = await pull.result;
 * await client.models.use(name).result;
 */
import { SottoError } from '../protocol/errors.js';
import type { DaemonMessage } from '../protocol/messages.js';
import type { ModelTask } from '../protocol/model-tasks.js';
import type {
  ModelInfo,
  ModelsEvent,
  ModelsList,
  ModelsRequest,
  ModelsResult,
  ModelsResultOf,
} from '../protocol/models.js';
import type { ModelStatus } from '../protocol/status.js';
import type { ClientChannel, ChannelListener } from './client.js';
import { EventQueue } from '../event-queue.js';
import { defined } from '../protocol/defined.js';

/** Opens a channel with a new id. */
export type OpenChannel = (listener: ChannelListener) => {
  readonly id: string;
  readonly channel: ClientChannel;
};

export interface CallOptions {
  /** Cancels the operation for all clients that wait for it. */
  readonly signal?: AbortSignal;
}

/**
 * An operation of the daemon: its events and its result. A pull and a use continue in the daemon if the caller stops reading;
 * `cancel` ends them.
 */
export interface ModelOperation<Result> extends AsyncIterable<ModelsEvent> {
  /** Rejects with the error of the operation, CANCELLED or DAEMON_LOST. */
  readonly result: Promise<Result>;
  cancel(): void;
}

/** If more events are unread, events that are only for display are dropped. */
const DISPLAY_BACKLOG = 256;
/** Time for the daemon to answer a cancel. */
const CANCEL_TIMEOUT_MS = 5_000;
/** Added to the daemon's own timeout, because its answer has the reason. */
const ANSWER_GRACE_MS = 2_000;

export class ModelsClient {
  readonly #openChannel: OpenChannel;

  constructor(openChannel: OpenChannel) {
    this.#openChannel = openChannel;
  }

  /** Installed, partly downloaded and available models. */
  list(): Promise<ModelsList> {
    return this.#request({ do: 'list' }).result;
  }

  /** @throws SottoError MODEL_NOT_FOUND if the model is neither installed nor in the catalogue */
  info(model: string): Promise<ModelInfo> {
    return this.#request({ do: 'info', model }).result;
  }

  /** Downloads a model, or joins a download in progress. */
  pull(
    model: string,
    { as, again, ...call }: CallOptions & { readonly as?: string; readonly again?: boolean } = {},
  ): ModelOperation<ModelsResultOf<'pull'>> {
    return this.#request({ do: 'pull', model, ...defined({ as, again }) }, call);
  }

  /**
   * Cancels the download of a model for all clients that wait for it.
   * @param name local name of the model
   * @returns whether a download was cancelled
   */
  async cancelPull(name: string): Promise<boolean> {
    return (await this.#request({ do: 'cancel-pull', model: name }).result).isCancelled;
  }

  /** @throws SottoError BUSY if the model is in use; with `force` the starter model replaces it */
  remove(model: string, { force }: { readonly force?: boolean } = {}): Promise<ModelsResultOf<'remove'>> {
    return this.#request({ do: 'remove', model, ...defined({ force }) }).result;
  }

  prune({ unused }: { readonly unused?: boolean } = {}): Promise<ModelsResultOf<'prune'>> {
    return this.#request({ do: 'prune', ...defined({ unused }) }).result;
  }

  /** Compares a model's files with the hashes stored when it was pulled. */
  verify(model: string, call: CallOptions = {}): ModelOperation<ModelsResultOf<'verify'>> {
    return this.#request({ do: 'verify', model }, call);
  }

  /**
   * Chooses a model for a task, or for the first of its tasks. The previous one serves until it is ready; if it fails, nothing
   * changes.
   */
  use(
    model: string,
    { task, ...call }: CallOptions & { readonly task?: ModelTask } = {},
  ): ModelOperation<ModelsResultOf<'use'>> {
    return this.#request({ do: 'use', model, ...defined({ task }) }, call);
  }

  /** Unloads all models from memory. */
  async unload(): Promise<void> {
    await this.#request({ do: 'unload' }).result;
  }

  /** Yields the states of all models at each change; a slow reader gets only the newest. Continues until the iteration is ended. */
  async *watch(call: CallOptions = {}): AsyncGenerator<readonly ModelStatus[], void> {
    const work = this.#request({ do: 'watch' }, call);
    try {
      for await (const event of work) if (event.type === 'models') yield event.models;
    } finally {
      work.cancel();
    }
  }

  /**
   * Waits until a model is ready; the default model if none is named.
   * @throws SottoError TIMEOUT, CANCELLED, or the error of the model
   */
  async whenReady({
    model,
    timeoutSeconds,
    signal,
  }: CallOptions & { readonly model?: string; readonly timeoutSeconds: number }): Promise<ModelStatus> {
    const work = this.#request(
      { do: 'wait', timeoutSeconds, ...defined({ model }) },
      { ...defined({ signal }) },
    );
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<never>((_, reject) => {
      const error = new SottoError('TIMEOUT', `the daemon did not respond within ${timeoutSeconds} s`);
      timer = setTimeout(() => reject(error), timeoutSeconds * 1000 + ANSWER_GRACE_MS);
    });
    try {
      return (await Promise.race([work.result, late])).model;
    } finally {
      clearTimeout(timer);
      work.cancel();
    }
  }

  #request<Do extends ModelsRequest['do']>(
    request: ModelsRequest & { do: Do },
    { signal }: CallOptions = {},
  ): ModelOperation<Extract<ModelsResult, { do: Do }>> {
    return new PendingOperation<Extract<ModelsResult, { do: Do }>>(request, this.#openChannel, signal);
  }
}

class PendingOperation<Result extends ModelsResult> implements ModelOperation<Result> {
  readonly result: Promise<Result>;
  readonly #events = new EventQueue<ModelsEvent>();
  readonly #do: string;
  #over = false;
  #id = '';
  #channel: ClientChannel | undefined;
  #timer: NodeJS.Timeout | undefined;
  #settle: { resolve: (result: Result) => void; reject: (error: SottoError) => void } | undefined;
  #stopListening: () => void = () => undefined;

  constructor(request: ModelsRequest, openChannel: OpenChannel, signal: AbortSignal | undefined) {
    this.#do = request.do;
    this.result = new Promise((resolve, reject) => (this.#settle = { resolve, reject }));
    // A caller that only reads the events gets the error there.
    this.result.catch(() => undefined);
    if (signal?.aborted === true) {
      this.#fail(new SottoError('CANCELLED', 'cancelled before it started'));
      return;
    }
    try {
      const { id, channel } = openChannel({
        receive: (message) => this.#receive(message),
        lost: (error) => this.#fail(error),
      });
      this.#id = id;
      this.#channel = channel;
      channel.send({ type: 'models', id, request });
    } catch (error) {
      this.#fail(SottoError.from(error));
      return;
    }
    const cancel = (): void => this.cancel();
    signal?.addEventListener('abort', cancel, { once: true });
    this.#stopListening = () => signal?.removeEventListener('abort', cancel);
  }

  cancel(): void {
    if (this.#over || this.#timer !== undefined) return;
    this.#channel?.send({ type: 'cancel', id: this.#id });
    this.#timer = setTimeout(() => this.#fail(new SottoError('CANCELLED', 'cancelled')), CANCEL_TIMEOUT_MS);
  }

  [Symbol.asyncIterator](): AsyncIterator<ModelsEvent> {
    return this.#events.read();
  }

  #receive(message: DaemonMessage): void {
    switch (message.type) {
      case 'models-event': {
        const { event } = message;
        // Only the newest states matter.
        if (event.type === 'models') this.#events.drop(({ type }) => type === 'models');
        const isDisplay = message.seq === undefined && event.type !== 'models';
        if (!isDisplay || this.#events.backlog < DISPLAY_BACKLOG) this.#events.push(event);
        return;
      }
      case 'models-done':
        if (isAnswer<Result>(message.result, this.#do)) this.#succeed(message.result);
        else
          this.#fail(
            new SottoError('PROTOCOL', `\`${message.result.do}\` is not an answer to \`${this.#do}\``),
          );
        return;
      case 'cancelled':
        this.#fail(new SottoError('CANCELLED', 'cancelled'));
        return;
      case 'failed':
      case 'error':
        this.#fail(SottoError.fromWire(message.error));
        return;
      default:
        this.#fail(new SottoError('PROTOCOL', `the daemon sent \`${message.type}\` for models`));
    }
  }

  #succeed(result: Result): void {
    this.#finish();
    this.#events.end();
    this.#settle?.resolve(result);
  }

  #fail(error: SottoError): void {
    this.#finish();
    this.#events.end(error);
    this.#settle?.reject(error);
  }

  #finish(): void {
    this.#over = true;
    clearTimeout(this.#timer);
    this.#stopListening();
    this.#channel?.close();
  }
}

function isAnswer<Result extends ModelsResult>(result: ModelsResult, requested: string): result is Result {
  return result.do === requested;
}

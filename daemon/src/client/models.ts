/**
 * Models, as a program sees them.
 *
 * @example
 * const pull = client.models.pull('turbo');
 * for await (const event of pull) if (event.type === 'progress') console.log(event.fraction);
 * const { name } = await pull.result;
 * await client.models.use(name).result;
 */
import { SottoError } from '../protocol/errors.js';
import type { DaemonMessage } from '../protocol/messages.js';
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
import { EventQueue } from './event-queue.js';
import { defined } from '../protocol/defined.js';

/** A share of the connection, under an id of its own. */
export type OpenChannel = (listener: ChannelListener) => {
  readonly id: string;
  readonly line: ClientChannel;
};

export interface CallOptions {
  /** Calls the work off, for all who wait for it. */
  readonly signal?: AbortSignal;
}

/**
 * What the daemon is at: its events as they come, and the result. A pull and a use go on in the daemon when nobody reads
 * them any more; `cancel` calls them off.
 */
export interface ModelOperation<Result> extends AsyncIterable<ModelsEvent> {
  /** Rejects with a SottoError: why it failed; CANCELLED, DAEMON_LOST. */
  readonly result: Promise<Result>;
  cancel(): void;
}

/** When the reader is this far behind, what is only for display is not kept for it. */
const DISPLAY_BACKLOG = 256;
/** After a cancel, how long to wait for the daemon's word that it is done. */
const CANCEL_TIMEOUT_MS = 5_000;
/** A little longer than the daemon waits itself: its answer says more. */
const ANSWER_GRACE_MS = 2_000;

export class ModelsClient {
  readonly #openChannel: OpenChannel;

  constructor(openChannel: OpenChannel) {
    this.#openChannel = openChannel;
  }

  /** What is here, what is half here, and what there is. */
  list(): Promise<ModelsList> {
    return this.#request({ do: 'list' }).result;
  }

  /** @throws SottoError MODEL_NOT_FOUND for what is neither here nor in the catalogue */
  info(model: string): Promise<ModelInfo> {
    return this.#request({ do: 'info', model }).result;
  }

  /** Brings a model here; joins who is at it already. */
  pull(
    model: string,
    { as, again, ...call }: CallOptions & { readonly as?: string; readonly again?: boolean } = {},
  ): ModelOperation<ModelsResultOf<'pull'>> {
    return this.#request({ do: 'pull', model, ...defined({ as, again }) }, call);
  }

  /**
   * Calls off the pull of a model, for all who wait for it: whoever asked for it, and from wherever it comes.
   * @param name what the model is called here
   * @returns whether there was one that ended so
   */
  async cancelPull(name: string): Promise<boolean> {
    return (await this.#request({ do: 'cancel-pull', model: name }).result).isCancelled;
  }

  /** @throws SottoError BUSY for a model that is in use, unless forced: then the starter model takes its place */
  remove(model: string, { force }: { readonly force?: boolean } = {}): Promise<ModelsResultOf<'remove'>> {
    return this.#request({ do: 'remove', model, ...defined({ force }) }).result;
  }

  prune({ unused }: { readonly unused?: boolean } = {}): Promise<ModelsResultOf<'prune'>> {
    return this.#request({ do: 'prune', ...defined({ unused }) }).result;
  }

  /** Reads a model's files against the hashes that were written down when it was pulled. */
  verify(model: string, call: CallOptions = {}): ModelOperation<ModelsResultOf<'verify'>> {
    return this.#request({ do: 'verify', model }, call);
  }

  /** Has a model serve those who name none. The one before it serves until it is ready; if it fails nothing changes. */
  use(model: string, call: CallOptions = {}): ModelOperation<ModelsResultOf<'use'>> {
    return this.#request({ do: 'use', model }, call);
  }

  /** Frees the memory of all models. */
  async unload(): Promise<void> {
    await this.#request({ do: 'unload' }).result;
  }

  /** The states of all models, at each change; the newest where the reader is slow. Goes on until the loop is left. */
  async *watch(call: CallOptions = {}): AsyncGenerator<readonly ModelStatus[], void> {
    const work = this.#request({ do: 'watch' }, call);
    try {
      for await (const event of work) if (event.type === 'models') yield event.models;
    } finally {
      work.cancel();
    }
  }

  /**
   * Waits until a model is ready; the one that is used, when none is named.
   * @throws SottoError TIMEOUT, CANCELLED, or why the model can't be had
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
      const error = new SottoError('TIMEOUT', `the daemon does not answer within ${timeoutSeconds} s`);
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

/** One request. */
class PendingOperation<Result extends ModelsResult> implements ModelOperation<Result> {
  readonly result: Promise<Result>;
  readonly #events = new EventQueue<ModelsEvent>();
  readonly #do: string;
  #over = false;
  #id = '';
  #line: ClientChannel | undefined;
  #timer: NodeJS.Timeout | undefined;
  #settle: { resolve: (result: Result) => void; reject: (error: SottoError) => void } | undefined;
  #stopListening: () => void = () => undefined;

  constructor(request: ModelsRequest, openChannel: OpenChannel, signal: AbortSignal | undefined) {
    this.#do = request.do;
    this.result = new Promise((resolve, reject) => (this.#settle = { resolve, reject }));
    // Who only reads the events hears of a failure there.
    this.result.catch(() => undefined);
    if (signal?.aborted === true) {
      this.#fail(new SottoError('CANCELLED', 'cancelled before it began'));
      return;
    }
    try {
      const { id, line } = openChannel({
        receive: (message) => this.#receive(message),
        lost: (error) => this.#fail(error),
      });
      this.#id = id;
      this.#line = line;
      line.send({ type: 'models', id, request });
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
    this.#line?.send({ type: 'cancel', id: this.#id });
    this.#timer = setTimeout(() => this.#fail(new SottoError('CANCELLED', 'cancelled')), CANCEL_TIMEOUT_MS);
  }

  [Symbol.asyncIterator](): AsyncIterator<ModelsEvent> {
    return this.#events.read();
  }

  #receive(message: DaemonMessage): void {
    switch (message.type) {
      case 'models-event': {
        const { event } = message;
        // Of states only the newest matter.
        if (event.type === 'models') this.#events.drop(({ type }) => type === 'models');
        const isDisplay = message.seq === undefined && event.type !== 'models';
        if (!isDisplay || this.#events.backlog < DISPLAY_BACKLOG) this.#events.push(event);
        return;
      }
      case 'models-done':
        if (isAnswer<Result>(message.result, this.#do)) this.#succeed(message.result);
        else
          this.#fail(new SottoError('PROTOCOL', `\`${message.result.do}\` is no answer to \`${this.#do}\``));
        return;
      case 'cancelled':
        this.#fail(new SottoError('CANCELLED', 'cancelled'));
        return;
      case 'failed':
      case 'error':
        this.#fail(SottoError.fromWire(message.error));
        return;
      default:
        this.#fail(new SottoError('PROTOCOL', `the daemon said \`${message.type}\` about models`));
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
    this.#line?.close();
  }
}

function isAnswer<Result extends ModelsResult>(result: ModelsResult, requested: string): result is Result {
  return result.do === requested;
}

/**
 * The WebSocket of one client: exchanges `hello`, passes requests to the sessions and services, sends their events, and limits
 * what is queued for a slow reader.
 */
import type { RawData, WebSocket } from 'ws';
import type { Clock, Timer } from '../clock.js';
import type { Logger } from '../logger.js';
import { SottoError } from '../protocol/errors.js';
import { codedError } from '../protocol/file-errors.js';
import { idOf, parseClientMessage, type ClientMessage, type DaemonMessage } from '../protocol/messages.js';
import type { DaemonStatus } from '../protocol/status.js';
import { LIMITS, PROTOCOL_VERSION, SOTTO_VERSION } from '../protocol/version.js';
import type { FileQueue } from '../sessions/files/file-queue.js';
import type { EncodeNotice, Job, JobNotice } from '../sessions/jobs/job.js';
import type { LiveSessions } from '../sessions/live/live-sessions.js';
import type { ServeRequest, ServeResult } from '../protocol/serve.js';
import type { HistoryService } from '../sessions/history/history-service.js';
import type { ModelService } from '../sessions/models/model-service.js';
import type { JobScheduler } from '../sessions/jobs/job-scheduler.js';
import type { SpeechService } from '../sessions/speech/speech-service.js';
import type { VocabularyService } from '../sessions/vocabulary/vocabulary-service.js';
import { FileRequests } from './file-requests.js';
import { LiveChannels } from './live-channels.js';
import { SessionViews } from './session-views.js';
import { SpeechRequests } from './speech-requests.js';
import { ModelRequests } from './model-requests.js';
import { Outbox } from './outbox.js';
import { bytesOf, POLICY_VIOLATION, textOf } from './websocket.js';
import { defined } from '../protocol/defined.js';

/** Above this many unread bytes, messages that are only for display are dropped. */
const DISPLAY_BYTES = 64 * 1024;
const HELLO_TIMEOUT_MS = 5_000;

export interface ConnectionContext {
  readonly sessions: JobScheduler;
  readonly live: LiveSessions;
  readonly models: ModelService;
  readonly history: HistoryService;
  readonly vocabulary: VocabularyService;
  readonly files: FileQueue;
  /** Absent if the engine only transcribes. */
  readonly speech?: SpeechService;
  readonly clock: Clock;
  readonly log: Logger;
  readonly status: () => DaemonStatus;
  /** Folder where clients write copies of files that the daemon can't open. */
  readonly uploads?: string;
  readonly shutdown: () => void;
  /** The API port. */
  readonly port?: { handle(request: ServeRequest): Promise<ServeResult> };
}

export class ClientConnection {
  readonly #socket: WebSocket;
  readonly #context: ConnectionContext;
  readonly #outbox: Outbox;
  readonly #jobs = new Map<string, Job>();
  readonly #live: LiveChannels;
  readonly #views: SessionViews;
  readonly #models: ModelRequests;
  readonly #files: FileRequests;
  readonly #speeches: SpeechRequests | undefined;
  readonly #helloTimer: Timer;
  #isGreeted = false;
  #lastPongMs: number;

  constructor(socket: WebSocket, context: ConnectionContext) {
    this.#socket = socket;
    this.#context = context;
    this.#outbox = new Outbox(socket, context.clock, () => {
      context.log.warn('a client does not read its messages: connection closed');
      // `close` would wait behind the unread bytes.
      socket.terminate();
    });
    this.#live = new LiveChannels(context.live, (message, onlyForDisplay) =>
      this.#send(message, onlyForDisplay),
    );
    this.#views = new SessionViews(context.live, (message) =>
      // The last one must come; a later one makes up for any other.
      this.#send(message, !message.view.isOver),
    );
    this.#models = new ModelRequests(context.models, (message, onlyForDisplay) =>
      this.#send(message, onlyForDisplay),
    );
    this.#files = new FileRequests(context.files, (message, onlyForDisplay) =>
      this.#send(message, onlyForDisplay),
    );
    this.#speeches =
      context.speech &&
      new SpeechRequests(
        context.speech,
        (message, onlyForDisplay) => this.#send(message, onlyForDisplay),
        (frame) => this.#outbox.push(frame),
      );
    this.#lastPongMs = context.clock.nowMs();
    this.#helloTimer = context.clock.after(HELLO_TIMEOUT_MS, () =>
      socket.close(POLICY_VIOLATION, 'no hello'),
    );
    socket.on('message', (data, isBinary) => this.#receive(data, isBinary));
    socket.on('pong', () => (this.#lastPongMs = context.clock.nowMs()));
    // The client violated the WebSocket protocol or a limit; ws closes with the right code itself.
    socket.on('error', (error) => context.log.warn({ message: error.message }, 'connection error'));
    socket.on('close', () => {
      this.#helloTimer.cancel();
      context.sessions.cancelAllOf(this);
      this.#live.close();
      this.#views.close();
      this.#models.close();
      this.#files.close();
      this.#speeches?.close();
    });
  }

  /**
   * Pings the client. An idle client without a pong for `deadAfterMs` is disconnected. For one with a job only the limit on
   * unread bytes applies, so that a paused terminal does not lose its work.
   */
  ping(deadAfterMs: number): void {
    const works = this.#jobs.size + this.#live.size + (this.#speeches?.size ?? 0) + this.#models.working > 0;
    if (!works && this.#context.clock.nowMs() - this.#lastPongMs > deadAfterMs) this.#socket.terminate();
    else if (this.#socket.readyState === this.#socket.OPEN) this.#socket.ping();
  }

  /** Restarts the pong timeout after the machine or the process was suspended. */
  resetPong(): void {
    this.#lastPongMs = this.#context.clock.nowMs();
  }

  #receive(data: RawData, isBinary: boolean): void {
    const text = isBinary ? '' : textOf(data);
    try {
      if (isBinary) {
        this.#live.audio(bytesOf(data));
        return;
      }
      this.#serve(parseClientMessage(text));
    } catch (error) {
      const id = idOf(text);
      const { code, message } = codedError(error);
      if (code === 'INTERNAL') this.#context.log.error({ message }, 'message not served');
      this.#send({
        type: 'error',
        ...defined({ id }),
        error: codedError(error).toWire(),
      });
    }
  }

  #serve(message: ClientMessage): void {
    if (message.type === 'hello') {
      this.#onHello(message.protocol);
      return;
    }
    if (!this.#isGreeted) {
      const error = new SottoError('PROTOCOL', `\`hello\` must come before \`${message.type}\``);
      this.#send({ type: 'error', id: message.id, error: error.toWire() });
      this.#socket.close(POLICY_VIOLATION, 'hello must come first');
      return;
    }
    switch (message.type) {
      case 'transcribe':
        this.#transcribe(message);
        return;
      case 'cancel': {
        if (this.#live.cancel(message.id) || this.#models.cancel(message.id)) return;
        if (this.#files.cancel(message.id) || this.#speeches?.cancel(message.id) === true) return;
        // An unknown id means that the job has just ended.
        const job = this.#jobs.get(message.id);
        if (job !== undefined) this.#context.sessions.cancel(job);
        return;
      }
      case 'supply': {
        const job = this.#jobs.get(message.id);
        if (job !== undefined) this.#context.sessions.supply(job, message.upload);
        else this.#speeches?.supply(message.id, message.path, message.upload);
        return;
      }
      case 'encode':
        this.#encode(message);
        return;
      case 'speak':
        this.#speechesFor(message.id).speak(message);
        return;
      case 'decode':
        this.#speechesFor(message.id).decode(message);
        return;
      case 'converse':
        this.#speechesFor(message.id).converse(message);
        return;
      case 'speech-acknowledge':
        this.#speeches?.acknowledge(message.id, message.samples);
        return;
      case 'watch':
        this.#views.watch(message);
        return;
      case 'unwatch':
        this.#views.unwatch(message.id);
        return;
      case 'open':
        this.#live.open(message);
        return;
      case 'recorded':
        this.#live.recorded(message.id, message.samples);
        return;
      case 'switch':
        this.#live.switch(message);
        return;
      case 'resume':
        this.#live.resume(message);
        return;
      case 'finish':
        this.#live.finish(message.id, message.samples, message.left);
        return;
      case 'discard':
        this.#live.discard(message.id);
        return;
      case 'files':
        this.#files.handle(message);
        return;
      case 'history':
        void this.#history(message);
        return;
      case 'vocabulary':
        void this.#vocabulary(message);
        return;
      case 'serve':
        void this.#port(message);
        return;
      case 'models':
        if (this.#jobs.has(message.id))
          throw new SottoError('INVALID_ARGUMENT', 'a job with this id is active');
        this.#models.handle(message);
        return;
      case 'status':
        this.#send({ type: 'status', id: message.id, status: this.#context.status() });
        return;
      case 'shutdown':
        this.#send({ type: 'stopping', id: message.id });
        this.#context.shutdown();
        return;
    }
  }

  #onHello(protocol: number): void {
    this.#helloTimer.cancel();
    const { uploads } = this.#context;
    this.#send({
      ...{ type: 'hello', protocol: PROTOCOL_VERSION, version: SOTTO_VERSION, pid: process.pid },
      ...defined({ uploads }),
    });
    if (protocol === PROTOCOL_VERSION) {
      this.#isGreeted = true;
      return;
    }
    const message = `this daemon is version ${SOTTO_VERSION} with protocol ${PROTOCOL_VERSION}, not ${protocol}`;
    this.#send({ type: 'error', error: new SottoError('VERSION_MISMATCH', message).toWire() });
    this.#socket.close(POLICY_VIOLATION, 'protocol version');
  }

  async #history({ id, request }: Extract<ClientMessage, { type: 'history' }>): Promise<void> {
    try {
      this.#send({ type: 'history-done', id, result: await this.#context.history.handle(request) });
    } catch (error) {
      this.#send({ type: 'error', id, error: codedError(error).toWire() });
    }
  }

  async #vocabulary({ id, request }: Extract<ClientMessage, { type: 'vocabulary' }>): Promise<void> {
    try {
      this.#send({ type: 'vocabulary-done', id, result: await this.#context.vocabulary.handle(request) });
    } catch (error) {
      this.#send({ type: 'error', id, error: codedError(error).toWire() });
    }
  }

  async #port({ id, request }: Extract<ClientMessage, { type: 'serve' }>): Promise<void> {
    try {
      const { port } = this.#context;
      if (port === undefined) throw new SottoError('NOT_FOUND', 'this daemon has no port');
      this.#send({ type: 'serve-done', id, result: await port.handle(request) });
    } catch (error) {
      this.#send({ type: 'error', id, error: codedError(error).toWire() });
    }
  }

  /** @throws SottoError INVALID_ARGUMENT */
  #assertNew(id: string): void {
    if (this.#jobs.has(id) || this.#models.has(id))
      throw new SottoError('INVALID_ARGUMENT', 'a job with this id is active');
  }

  #speechesFor(id: string): SpeechRequests {
    this.#assertNew(id);
    if (this.#speeches === undefined) throw new SottoError('MODEL_UNSUPPORTED', 'this daemon can’t speak');
    return this.#speeches;
  }

  #transcribe({ id, path, model, options, supplies }: Extract<ClientMessage, { type: 'transcribe' }>): void {
    this.#submit(id, (notify) =>
      this.#context.sessions.submit(this, { path, ...defined({ model, options, supplies }) }, notify),
    );
  }

  #encode({ id, path, model, options, supplies }: Extract<ClientMessage, { type: 'encode' }>): void {
    this.#submit(id, (notify) =>
      this.#context.sessions.encode(this, { path, ...defined({ model, options, supplies }) }, notify),
    );
  }

  #submit(id: string, submit: (notify: (notice: JobNotice | EncodeNotice) => void) => Job): void {
    this.#assertNew(id);
    if (this.#jobs.size >= LIMITS.jobsPerConnection) {
      throw new SottoError('BUSY', `this client has ${LIMITS.jobsPerConnection} active jobs`);
    }
    this.#jobs.set(
      id,
      submit((notice) => this.#notify(id, notice)),
    );
  }

  #notify(id: string, notice: JobNotice | EncodeNotice): void {
    switch (notice.type) {
      case 'codes':
        this.#send({ ...notice.codes, type: 'codes', id, seq: notice.seq, seconds: notice.seconds });
        return;
      case 'waiting':
      case 'started':
        this.#send({ ...notice, id });
        return;
      case 'event':
        this.#send({ ...notice, id }, notice.seq === undefined);
        return;
      case 'failed':
        this.#jobs.delete(id);
        this.#send({ type: 'failed', id, seq: notice.seq, error: notice.error.toWire() });
        return;
      case 'final':
      case 'encoded':
      case 'cancelled':
        this.#jobs.delete(id);
        this.#send({ ...notice, id });
        return;
    }
  }

  /** @returns whether it was sent */
  #send(message: DaemonMessage, onlyForDisplay = false): boolean {
    if (this.#socket.readyState !== this.#socket.OPEN) return false;
    if (onlyForDisplay && this.#outbox.unreadBytes > DISPLAY_BYTES) return false;
    this.#outbox.push(JSON.stringify(message));
    return true;
  }
}

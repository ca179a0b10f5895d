/**
 * A program's end of the socket.
 *
 * @example
 * const client = await SottoClient.connect(socketPath, 'my-program');
 * for await (const event of client.transcribe('/tmp/talk.flac')) {
 *   if (event.type === 'segment') console.log(event.segment.text);
 * }
 * client.close();
 */
import type { WebSocket } from 'ws';
import { SottoError } from '../protocol/errors.js';
import type { HistoryRequest, HistoryResult } from '../protocol/history.js';
import type { ClientMessage, DaemonMessage, JobEvent } from '../protocol/messages.js';
import type { ServeRequest, ServeResult } from '../protocol/serve.js';
import type { DaemonStatus } from '../protocol/status.js';
import type { TranscribeOptions } from '../protocol/transcription.js';
import type { VocabularyRequest, VocabularyResult } from '../protocol/vocabulary.js';
import { decode, openSocket, send, type DaemonIdentity } from './connect.js';
import { FilesClient } from './files.js';
import { JobStream } from './job-stream.js';
import { ModelsClient, type OpenChannel } from './models.js';
import { DaemonCopy } from './daemon-copy.js';
import { VocabularyClient } from './vocabulary.js';
import { defined } from '../protocol/defined.js';

/** Audio is not given to a socket that still holds so many bytes. */
const MAX_UNSENT_BYTES = 1024 * 1024;
/** After a cancel, how long to wait for the daemon's word that it is done. */
const CANCEL_TIMEOUT_MS = 2_000;
const CLOSE_TIMEOUT_MS = 5_000;

export interface TranscribeCall {
  readonly signal?: AbortSignal;
  /** Name or absolute folder of the model; the daemon's own when left out. */
  readonly model?: string;
}

type Waiting = Extract<DaemonMessage, { type: 'waiting' }>;

/** Whoever hears what the daemon says about one id. */
export interface ChannelListener {
  receive(message: DaemonMessage): void;
  /** Nothing more comes over this connection. */
  lost(error: SottoError): void;
}

/** One id's share of the connection. */
export interface ClientChannel {
  send(message: ClientMessage): void;
  /**
   * False if the socket holds too much that the daemon has not read: then nothing was sent, and `again` is called once it
   * may be tried again.
   */
  sendAudio(frame: Uint8Array, again: () => void): boolean;
  /** What the daemon says about the id is heard no more. */
  close(): void;
}

export class SottoClient {
  readonly daemon: DaemonIdentity;
  readonly models: ModelsClient;
  readonly files: FilesClient;
  readonly vocabulary: VocabularyClient;
  readonly #socket: WebSocket;
  readonly #listeners = new Map<string, ChannelListener>();
  readonly #wantRoom = new Set<() => void>();
  readonly #closed: Promise<void>;
  #nextId = 1;

  private constructor(socket: WebSocket, daemon: DaemonIdentity) {
    this.#socket = socket;
    this.daemon = daemon;
    const openChannel: OpenChannel = (listener) => {
      const id = this.#newId();
      return { id, line: this.line(id, listener) };
    };
    this.models = new ModelsClient(openChannel);
    this.files = new FilesClient(openChannel, daemon.uploads);
    this.vocabulary = new VocabularyClient((request) => this.#vocabulary(request));
    socket.on('message', (data, isBinary) => this.#receive(data, isBinary));
    // `close` follows and settles everything.
    socket.on('error', () => undefined);
    this.#closed = new Promise((resolve) => {
      socket.on('close', () => {
        this.#loseAll(lost());
        resolve();
      });
    });
  }

  /** @throws SottoError DAEMON_UNAVAILABLE, UNAUTHORISED, VERSION_MISMATCH */
  static async connect(socketPath: string, clientName: string): Promise<SottoClient> {
    const { socket, daemon } = await openSocket(socketPath, clientName);
    return new SottoClient(socket, daemon);
  }

  get connected(): boolean {
    return this.#socket.readyState === this.#socket.OPEN;
  }

  /**
   * Transcribes a file by its absolute path. Ends after `final`; leaving the loop earlier cancels the job.
   * @throws SottoError the job's failure; CANCELLED after an abort; DAEMON_LOST when the daemon goes
   */
  async *transcribe(
    path: string,
    options: TranscribeOptions = {},
    { signal, model }: TranscribeCall = {},
  ): AsyncGenerator<JobEvent, void> {
    if (signal?.aborted === true) throw new SottoError('CANCELLED', 'cancelled before it began');
    const stream = new JobStream();
    const id = this.#newId();
    const { uploads } = this.daemon;
    let supply: DaemonCopy | undefined;
    const line = this.line(id, {
      receive: (message) => {
        const isForFile = message.type === 'waiting' && message.for === 'file';
        if (!isForFile) supply?.stop();
        deliver(message, stream);
        if (isForFile && uploads !== undefined) supply ??= this.#supply(message, path, uploads, line, stream);
      },
      lost: (error) => stream.fail(error),
    });
    let timer: NodeJS.Timeout | undefined;
    const cancel = (): void => {
      line.send({ type: 'cancel', id });
      timer = setTimeout(() => stream.fail(new SottoError('CANCELLED', 'cancelled')), CANCEL_TIMEOUT_MS);
    };
    signal?.addEventListener('abort', cancel, { once: true });
    try {
      line.send({
        ...{ type: 'transcribe', id, path, options },
        ...defined({ model, supplies: uploads === undefined ? undefined : true }),
      });
      yield* stream.read();
    } finally {
      clearTimeout(timer);
      supply?.stop();
      signal?.removeEventListener('abort', cancel);
      if (!stream.over) line.send({ type: 'cancel', id });
      line.close();
    }
  }

  /** Copies the file of a job that the daemon can't open. */
  #supply(
    { id, ...waiting }: Waiting,
    path: string,
    folder: string,
    line: ClientChannel,
    stream: JobStream,
  ): DaemonCopy {
    const { type: _, ...facts } = waiting;
    return new DaemonCopy({
      ...{ path, folder },
      onCopied: (upload) => line.send({ type: 'supply', id, upload }),
      onFailed: (error) => {
        line.send({ type: 'cancel', id });
        stream.fail(error);
      },
      onBytes: (bytes) => stream.push({ type: 'waiting', ...facts, copied: { bytes } }),
    });
  }

  /**
   * A share of the connection for what is said about `id`: many of them go over one socket.
   * @throws SottoError DAEMON_LOST; INVALID_ARGUMENT if the id is in use
   */
  line(id: string, listener: ChannelListener): ClientChannel {
    if (!this.connected) throw lost();
    if (this.#listeners.has(id)) throw new SottoError('INVALID_ARGUMENT', `the id ${id} is in use`);
    this.#listeners.set(id, listener);
    return {
      send: (message) => send(this.#socket, message),
      sendAudio: (frame, again) => this.#sendAudio(frame, again),
      close: () => {
        if (this.#listeners.get(id) === listener) this.#listeners.delete(id);
      },
    };
  }

  /** Past dictations. @throws SottoError DICTATION_NOT_FOUND, OUTPUT_FAILED, DAEMON_LOST */
  async history(request: HistoryRequest): Promise<HistoryResult> {
    const answer = await this.#request((id) => ({ type: 'history', id, request }));
    if (answer.type !== 'history-done')
      throw new SottoError('PROTOCOL', `\`${answer.type}\` is no answer to \`history\``);
    return answer.result;
  }

  /** The port for programs of others. @throws SottoError PORT_TAKEN, OUTPUT_FAILED, DAEMON_LOST */
  async serve(request: ServeRequest): Promise<ServeResult> {
    const answer = await this.#request((id) => ({ type: 'serve', id, request }));
    if (answer.type !== 'serve-done')
      throw new SottoError('PROTOCOL', `\`${answer.type}\` is no answer to \`serve\``);
    return answer.result;
  }

  async #vocabulary(request: VocabularyRequest): Promise<VocabularyResult> {
    const answer = await this.#request((id) => ({ type: 'vocabulary', id, request }));
    if (answer.type !== 'vocabulary-done')
      throw new SottoError('PROTOCOL', `\`${answer.type}\` is no answer to \`vocabulary\``);
    return answer.result;
  }

  async status(): Promise<DaemonStatus> {
    const answer = await this.#request((id) => ({ type: 'status', id }));
    if (answer.type !== 'status')
      throw new SottoError('PROTOCOL', `\`${answer.type}\` is no answer to \`status\``);
    return answer.status;
  }

  /** Asks the daemon to end; resolves once it has closed the connection. */
  async stop(): Promise<void> {
    await this.#request((id) => ({ type: 'shutdown', id }));
    await this.#closed;
  }

  close(): void {
    this.#socket.close();
    // A daemon that does not answer keeps no program from ending.
    setTimeout(() => this.#socket.terminate(), CLOSE_TIMEOUT_MS).unref();
  }

  #newId(): string {
    for (;;) {
      const id = String(this.#nextId++);
      if (!this.#listeners.has(id)) return id;
    }
  }

  async #request(message: (id: string) => ClientMessage): Promise<DaemonMessage> {
    const id = this.#newId();
    let line: ClientChannel | undefined;
    try {
      return await new Promise((resolve, reject) => {
        line = this.line(id, {
          receive: (message) =>
            message.type === 'error' ? reject(SottoError.fromWire(message.error)) : resolve(message),
          lost: reject,
        });
        line.send(message(id));
      });
    } finally {
      line?.close();
    }
  }

  #sendAudio(frame: Uint8Array, again: () => void): boolean {
    if (this.#socket.bufferedAmount > MAX_UNSENT_BYTES) {
      this.#wantRoom.add(again);
      return false;
    }
    this.#socket.send(frame, { binary: true }, () => {
      if (this.#wantRoom.size === 0 || this.#socket.bufferedAmount > MAX_UNSENT_BYTES) return;
      const waiting = [...this.#wantRoom];
      this.#wantRoom.clear();
      for (const call of waiting) call();
    });
    return true;
  }

  #receive(data: unknown, isBinary: boolean): void {
    let message: DaemonMessage;
    try {
      message = decode(data, isBinary);
    } catch (error) {
      this.#giveUp(SottoError.from(error));
      return;
    }
    if (message.type === 'hello') return;
    if (message.type === 'error' && message.id === undefined)
      this.#giveUp(SottoError.fromWire(message.error));
    else this.#listeners.get(message.id ?? '')?.receive(message);
  }

  /** Nobody knows what the other side has understood. */
  #giveUp(error: SottoError): void {
    this.#loseAll(error);
    this.#socket.terminate();
  }

  #loseAll(error: SottoError): void {
    const listeners = [...this.#listeners.values()];
    this.#listeners.clear();
    this.#wantRoom.clear();
    for (const listener of listeners) listener.lost(error);
  }
}

function lost(): SottoError {
  return new SottoError('DAEMON_LOST', 'the connection to the daemon was lost');
}

function deliver(message: DaemonMessage, stream: JobStream): void {
  switch (message.type) {
    case 'waiting': {
      const { id: _, ...event } = message;
      stream.push(event);
      return;
    }
    case 'started': {
      const { id: _, ...event } = message;
      stream.push(event);
      return;
    }
    case 'event':
      stream.push(message.event);
      return;
    case 'final':
      stream.push({ type: 'final', summary: message.summary });
      return;
    case 'cancelled':
      stream.fail(new SottoError('CANCELLED', 'cancelled'));
      return;
    case 'failed':
    case 'error':
      stream.fail(SottoError.fromWire(message.error));
      return;
    case 'hello':
    case 'status':
    case 'stopping':
    case 'opened':
    case 'discarded':
    case 'acknowledged':
    case 'live':
    case 'files-event':
    case 'files-done':
    case 'history-done':
    case 'models-event':
    case 'models-done':
    case 'serve-done':
    case 'vocabulary-done':
      return;
  }
}

/**
 * The client of the daemon's socket.
 *
 * @example
 * const client = await SottoClient.connect(socketPath, 'my-program');
 * for await (const event of client.transcribe('/tmp/talk.flac')) {
 *   if (event.type === 'segment') console.log(event.segment.text);
 * }
 * client.close();
 */
import type { WebSocket } from 'ws';
import { parseAudioFrame, type AudioFrame } from '../protocol/audio-frame.js';
import { SottoError } from '../protocol/errors.js';
import type { HistoryRequest, HistoryResult } from '../protocol/history.js';
import type { ClientMessage, DaemonMessage, JobEvent } from '../protocol/messages.js';
import type { ServeRequest, ServeResult } from '../protocol/serve.js';
import type { DaemonStatus } from '../protocol/status.js';
import type { TranscribeOptions } from '../protocol/transcription.js';
import type { VocabularyRequest, VocabularyResult } from '../protocol/vocabulary.js';
import { decode, openSocket, send, type DaemonIdentity } from './connect.js';
import { CodecClient } from './codec-client.js';
import { ConversationClient } from './conversation-client.js';
import { fileJob } from './file-job.js';
import { FilesClient } from './files.js';
import { JobStream } from './job-stream.js';
import { ModelsClient, type OpenChannel } from './models.js';
import { SpeechClient } from './speech-client.js';
import { VocabularyClient } from './vocabulary.js';
import { defined } from '../protocol/defined.js';

/** Audio is not sent while the socket has more unsent bytes. */
const MAX_UNSENT_BYTES = 1024 * 1024;
const CLOSE_TIMEOUT_MS = 5_000;

export interface TranscribeCall {
  readonly signal?: AbortSignal;
  /** Name or absolute folder; the default model if omitted. */
  readonly model?: string;
}

/** Receives the messages of one id. */
export interface ChannelListener {
  receive(message: DaemonMessage): void;
  /** Audio of the channel that `speech-opened` named. */
  audio?(frame: AudioFrame): void;
  /** The connection was lost. */
  lost(error: SottoError): void;
}

/** The messages of one id; a connection has many channels. */
export interface ClientChannel {
  send(message: ClientMessage): void;
  /** @returns false if nothing was sent because the socket has too many unsent bytes; `onWritable` is called when it has fewer */
  sendAudio(frame: Uint8Array, onWritable: () => void): boolean;
  /** Ignores further messages of the id. */
  close(): void;
}

export class SottoClient {
  readonly daemon: DaemonIdentity;
  readonly models: ModelsClient;
  readonly files: FilesClient;
  readonly vocabulary: VocabularyClient;
  readonly speech: SpeechClient;
  readonly codec: CodecClient;
  readonly conversation: ConversationClient;
  readonly #socket: WebSocket;
  readonly #listeners = new Map<string, ChannelListener>();
  /** By the number of their channel. */
  readonly #audioListeners = new Map<number, ChannelListener>();
  readonly #waitingForDrain = new Set<() => void>();
  readonly #closed: Promise<void>;
  #nextId = 1;

  readonly #openChannel: OpenChannel = (listener) => {
    const id = this.#newId();
    return { id, channel: this.channel(id, listener) };
  };

  private constructor(socket: WebSocket, daemon: DaemonIdentity) {
    this.#socket = socket;
    this.daemon = daemon;
    const openChannel = this.#openChannel;
    this.models = new ModelsClient(openChannel);
    this.files = new FilesClient(openChannel, daemon.uploads);
    this.speech = new SpeechClient(openChannel);
    this.codec = new CodecClient(openChannel, daemon.uploads);
    this.conversation = new ConversationClient(openChannel, daemon.uploads);
    this.vocabulary = new VocabularyClient((request) => this.#vocabulary(request));
    socket.on('message', (data, isBinary) => this.#receive(data, isBinary));
    // `close` follows.
    socket.on('error', () => undefined);
    this.#closed = new Promise((resolve) => {
      socket.on('close', () => {
        this.#loseAll(lost());
        resolve();
      });
    });
  }

  /** @throws SottoError DAEMON_UNAVAILABLE, UNAUTHORIZED, VERSION_MISMATCH */
  static async connect(socketPath: string, clientName: string): Promise<SottoClient> {
    const { socket, daemon } = await openSocket(socketPath, clientName);
    return new SottoClient(socket, daemon);
  }

  get connected(): boolean {
    return this.#socket.readyState === this.#socket.OPEN;
  }

  /**
   * Transcribes the file at an absolute path. The iteration ends after `final`; ending it earlier cancels the job.
   * @throws SottoError the error of the job; CANCELLED after an abort; DAEMON_LOST if the connection is lost
   */
  async *transcribe(
    path: string,
    options: TranscribeOptions = {},
    { signal, model }: TranscribeCall = {},
  ): AsyncGenerator<JobEvent, void> {
    const stream = new JobStream();
    yield* fileJob(this.#openChannel, {
      ...{ path, signal, events: stream },
      uploads: this.daemon.uploads,
      message: (id, supplies) => ({
        ...{ type: 'transcribe', id, path, options },
        ...defined({ model, supplies }),
      }),
      deliver: (message) => deliver(message, stream),
      onCopied: (event) => stream.push(event),
    });
  }

  /**
   * Opens a channel for the messages of `id`.
   * @throws SottoError DAEMON_LOST; INVALID_ARGUMENT if the id is in use
   */
  channel(id: string, listener: ChannelListener): ClientChannel {
    if (!this.connected) throw lost();
    if (this.#listeners.has(id)) throw new SottoError('INVALID_ARGUMENT', `the id ${id} is in use`);
    this.#listeners.set(id, listener);
    return {
      send: (message) => send(this.#socket, message),
      sendAudio: (frame, onWritable) => this.#sendAudio(frame, onWritable),
      close: () => {
        if (this.#listeners.get(id) === listener) this.#listeners.delete(id);
        for (const [channel, each] of this.#audioListeners)
          if (each === listener) this.#audioListeners.delete(channel);
      },
    };
  }

  /** @throws SottoError DICTATION_NOT_FOUND, OUTPUT_FAILED, DAEMON_LOST */
  async history(request: HistoryRequest): Promise<HistoryResult> {
    const answer = await this.#request((id) => ({ type: 'history', id, request }));
    if (answer.type !== 'history-done')
      throw new SottoError('PROTOCOL', `\`${answer.type}\` is not an answer to \`history\``);
    return answer.result;
  }

  /** Controls the port of the HTTP API. @throws SottoError PORT_TAKEN, OUTPUT_FAILED, DAEMON_LOST */
  async serve(request: ServeRequest): Promise<ServeResult> {
    const answer = await this.#request((id) => ({ type: 'serve', id, request }));
    if (answer.type !== 'serve-done')
      throw new SottoError('PROTOCOL', `\`${answer.type}\` is not an answer to \`serve\``);
    return answer.result;
  }

  async #vocabulary(request: VocabularyRequest): Promise<VocabularyResult> {
    const answer = await this.#request((id) => ({ type: 'vocabulary', id, request }));
    if (answer.type !== 'vocabulary-done')
      throw new SottoError('PROTOCOL', `\`${answer.type}\` is not an answer to \`vocabulary\``);
    return answer.result;
  }

  async status(): Promise<DaemonStatus> {
    const answer = await this.#request((id) => ({ type: 'status', id }));
    if (answer.type !== 'status')
      throw new SottoError('PROTOCOL', `\`${answer.type}\` is not an answer to \`status\``);
    return answer.status;
  }

  /** Stops the daemon; resolves when it has closed the connection. */
  async stop(): Promise<void> {
    await this.#request((id) => ({ type: 'shutdown', id }));
    await this.#closed;
  }

  close(): void {
    this.#socket.close();
    // Unreferenced, so that an unresponsive daemon does not keep the process alive.
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
    let channel: ClientChannel | undefined;
    try {
      return await new Promise((resolve, reject) => {
        channel = this.channel(id, {
          receive: (message) =>
            message.type === 'error' ? reject(SottoError.fromWire(message.error)) : resolve(message),
          lost: reject,
        });
        channel.send(message(id));
      });
    } finally {
      channel?.close();
    }
  }

  #sendAudio(frame: Uint8Array, onWritable: () => void): boolean {
    if (this.#socket.bufferedAmount > MAX_UNSENT_BYTES) {
      this.#waitingForDrain.add(onWritable);
      return false;
    }
    this.#socket.send(frame, { binary: true }, () => {
      if (this.#waitingForDrain.size === 0 || this.#socket.bufferedAmount > MAX_UNSENT_BYTES) return;
      const waiting = [...this.#waitingForDrain];
      this.#waitingForDrain.clear();
      for (const call of waiting) call();
    });
    return true;
  }

  #receive(data: unknown, isBinary: boolean): void {
    let message: DaemonMessage;
    try {
      if (isBinary) {
        // Audio under way when its speech was cancelled has no listener any more.
        const frame = parseAudioFrame(data as Buffer);
        this.#audioListeners.get(frame.channel)?.audio?.(frame);
        return;
      }
      message = decode(data, isBinary);
    } catch (error) {
      this.#giveUp(SottoError.from(error));
      return;
    }
    if (message.type === 'hello') return;
    if (message.type === 'speech-opened') {
      const listener = this.#listeners.get(message.id);
      if (listener !== undefined) this.#audioListeners.set(message.channel, listener);
    }
    if (message.type === 'error' && message.id === undefined)
      this.#giveUp(SottoError.fromWire(message.error));
    else this.#listeners.get(message.id ?? '')?.receive(message);
  }

  /** Closes the connection, because the state of the daemon is unknown. */
  #giveUp(error: SottoError): void {
    this.#loseAll(error);
    this.#socket.terminate();
  }

  #loseAll(error: SottoError): void {
    const listeners = [...this.#listeners.values()];
    this.#listeners.clear();
    this.#audioListeners.clear();
    this.#waitingForDrain.clear();
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
      stream.end(new SottoError('CANCELLED', 'cancelled'));
      return;
    case 'failed':
    case 'error':
      stream.end(SottoError.fromWire(message.error));
      return;
    case 'hello':
    case 'status':
    case 'stopping':
    case 'opened':
    case 'discarded':
    case 'acknowledged':
    case 'live':
    case 'view':
    case 'codes':
    case 'encoded':
    case 'speech-opened':
    case 'speech-text':
    case 'speech-final':
    case 'answer':
    case 'answered':
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

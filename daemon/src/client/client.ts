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
import type { DaemonMessage, JobEvent } from '../protocol/messages.js';
import type { DaemonStatus } from '../protocol/status.js';
import type { TranscribeOptions } from '../protocol/transcription.js';
import { decode, openSocket, send, type DaemonIdentity } from './connect.js';
import { JobStream } from './job-stream.js';

/** After a cancel, how long to wait for the daemon's word that it is done. */
const CANCEL_ANSWER_MS = 2_000;

export interface TranscribeCall {
  readonly signal?: AbortSignal;
  /** Name or absolute folder of the model; the daemon's own when left out. */
  readonly model?: string;
}

interface Question {
  resolve(message: DaemonMessage): void;
  reject(error: SottoError): void;
}

export class SottoClient {
  readonly daemon: DaemonIdentity;
  readonly #socket: WebSocket;
  readonly #jobs = new Map<string, JobStream>();
  readonly #questions = new Map<string, Question>();
  readonly #closed: Promise<void>;
  #nextId = 1;

  private constructor(socket: WebSocket, daemon: DaemonIdentity) {
    this.#socket = socket;
    this.daemon = daemon;
    socket.on('message', (data, isBinary) => this.#receive(data, isBinary));
    // `close` follows and settles everything.
    socket.on('error', () => undefined);
    this.#closed = new Promise((resolve) => {
      socket.on('close', () => {
        this.#failAll(new SottoError('DAEMON_LOST', 'the connection to the daemon was lost'));
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
    if (!this.connected) throw new SottoError('DAEMON_LOST', 'the connection to the daemon was lost');
    if (signal?.aborted === true) throw new SottoError('CANCELLED', 'cancelled before it began');
    const id = this.#newId();
    const stream = new JobStream();
    this.#jobs.set(id, stream);
    let timer: NodeJS.Timeout | undefined;
    const cancel = (): void => {
      send(this.#socket, { type: 'cancel', id });
      timer = setTimeout(() => stream.fail(new SottoError('CANCELLED', 'cancelled')), CANCEL_ANSWER_MS);
    };
    signal?.addEventListener('abort', cancel, { once: true });
    try {
      send(this.#socket, {
        type: 'transcribe',
        id,
        path,
        options,
        ...(model === undefined ? {} : { model }),
      });
      yield* stream.read();
    } finally {
      clearTimeout(timer);
      signal?.removeEventListener('abort', cancel);
      if (!stream.over) send(this.#socket, { type: 'cancel', id });
      this.#jobs.delete(id);
    }
  }

  async status(): Promise<DaemonStatus> {
    const answer = await this.#ask('status');
    if (answer.type !== 'status')
      throw new SottoError('PROTOCOL', `\`${answer.type}\` is no answer to \`status\``);
    return answer.status;
  }

  /** Asks the daemon to end; resolves once it has closed the connection. */
  async stop(): Promise<void> {
    await this.#ask('shutdown');
    await this.#closed;
  }

  close(): void {
    this.#socket.close();
  }

  #newId(): string {
    return String(this.#nextId++);
  }

  #ask(type: 'status' | 'shutdown'): Promise<DaemonMessage> {
    const id = this.#newId();
    return new Promise((resolve, reject) => {
      if (!this.connected) {
        reject(new SottoError('DAEMON_LOST', 'the connection to the daemon was lost'));
        return;
      }
      this.#questions.set(id, { resolve, reject });
      send(this.#socket, { type, id });
    });
  }

  #receive(data: unknown, isBinary: boolean): void {
    let message: DaemonMessage;
    try {
      message = decode(data, isBinary);
    } catch (error) {
      this.#failAll(SottoError.from(error));
      this.#socket.terminate();
      return;
    }
    if (message.type === 'hello') return;
    if (message.type === 'error' && message.id === undefined) {
      this.#failAll(SottoError.fromWire(message.error));
      return;
    }
    const id = message.id ?? '';
    const question = this.#questions.get(id);
    if (question !== undefined) {
      this.#questions.delete(id);
      if (message.type === 'error') question.reject(SottoError.fromWire(message.error));
      else question.resolve(message);
      return;
    }
    const stream = this.#jobs.get(id);
    if (stream !== undefined) deliver(message, stream);
  }

  #failAll(error: SottoError): void {
    for (const stream of this.#jobs.values()) stream.fail(error);
    for (const question of this.#questions.values()) question.reject(error);
    this.#questions.clear();
  }
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
      return;
  }
}

/**
 * The dictation in the background, as a command looks at it.
 *
 * @example
 * const capture = await BackgroundCapture.connect(paths.capture);
 * if (capture === undefined) spawn('sotto', ['capture']);
 * else for await (const take of capture.takes()) console.log(take.committed, take.tentative);
 */
import { connect, type Socket } from 'node:net';
import { createInterface } from 'node:readline';
import { isOver, parseCaptureTell, type Capture, type CaptureAsk } from '../protocol/capture.js';
import { SottoError } from '../protocol/errors.js';
import { EventQueue } from './event-queue.js';

const CONNECT_MS = 2_000;

export class BackgroundCapture {
  readonly #socket: Socket;
  readonly #queue = new EventQueue<Capture>();
  #take: Capture | undefined;

  private constructor(socket: Socket) {
    this.#socket = socket;
    socket.on('error', () => undefined);
    socket.on('close', () =>
      this.#queue.end(
        new SottoError('DAEMON_LOST', 'the dictation’s process is gone', {
          hint: 'what was said is kept: `sotto history` shows it',
        }),
      ),
    );
    createInterface({ input: socket, crlfDelay: Infinity }).on('line', (line) => this.#hear(line));
  }

  /** The take that goes on, or undefined. @throws SottoError UNAUTHORISED */
  static connect(path: string): Promise<BackgroundCapture | undefined> {
    return new Promise((resolve, reject) => {
      const socket = connect(path);
      const timer = setTimeout(() => socket.destroy(new Error('it does not answer')), CONNECT_MS);
      const failed = (error: NodeJS.ErrnoException): void => {
        clearTimeout(timer);
        if (error.code === 'EACCES' || error.code === 'EPERM')
          reject(new SottoError('UNAUTHORISED', `${path} belongs to another user`));
        else resolve(undefined);
      };
      socket.once('error', failed);
      socket.once('connect', () => {
        clearTimeout(timer);
        socket.off('error', failed);
        resolve(new BackgroundCapture(socket));
      });
    });
  }

  ask(type: Exclude<CaptureAsk['type'], 'watch'>): void {
    this.#send({ type });
  }

  /**
   * The take as it is and at each change, the newest where the reader is slow. To be read once; the last one is over.
   * @throws SottoError DAEMON_LOST if its process dies
   */
  async *takes(): AsyncGenerator<Capture, void> {
    this.#send({ type: 'watch' });
    try {
      for await (const take of this.#queue.read()) {
        yield take;
        if (isOver(take.phase)) return;
      }
    } finally {
      this.close();
    }
  }

  close(): void {
    this.#socket.end();
  }

  #send(ask: CaptureAsk): void {
    if (this.#socket.writable) this.#socket.write(`${JSON.stringify(ask)}\n`);
  }

  #hear(line: string): void {
    try {
      const told = parseCaptureTell(line);
      if (told.type === 'error') throw SottoError.fromWire(told.error);
      if (told.type === 'take') this.#take = told.take;
      else if (this.#take !== undefined) {
        const committed = this.#take.committed + (told.more ?? '');
        this.#take = { ...this.#take, ...told.change, committed } as Capture;
      }
      if (this.#take === undefined) return;
      this.#queue.drop(() => true);
      this.#queue.push(this.#take);
    } catch (error) {
      this.#queue.end(SottoError.from(error));
      this.#socket.destroy();
    }
  }
}

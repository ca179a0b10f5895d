/**
 * Client of the process that dictates in the background.
 *
 * @example
 * const capture = await CaptureClient.connect(paths.capture);
 * if (capture === undefined) spawn('sotto', ['capture']); // and connect again
 * else {
 *   await capture.begin({ language: 'en' });
 *   for await (const { phase, seconds } of capture.updates()) console.log(phase, seconds);
 * }
 */
import { connect, type Socket } from 'node:net';
import { createInterface } from 'node:readline';
import {
  CAPTURE_PROTOCOL,
  isOver,
  parseCaptureEvent,
  type Capture,
  type CaptureRequest,
  type CaptureOptions,
  type CaptureSwitch,
  type CaptureEvent,
  type LastText,
} from '../protocol/capture.js';
import { SottoError } from '../protocol/errors.js';
import { EventQueue } from '../event-queue.js';

const CONNECT_TIMEOUT_MS = 2_000;
/** For the answer to a request; later progress is visible in the updates. */
const ANSWER_TIMEOUT_MS = 5_000;

/** Requests without arguments. */
export type CaptureCommand = 'finish' | 'cancel' | 'restore' | 'pause' | 'resume';

export class CaptureClient {
  readonly #socket: Socket;
  readonly #queue = new EventQueue<Capture>();
  readonly #answers = new Set<(event: CaptureEvent | SottoError) => void>();
  #dictation: Capture | undefined;
  #isWatching = false;

  private constructor(socket: Socket) {
    this.#socket = socket;
    socket.on('error', () => undefined);
    socket.on('close', () =>
      this.#fail(
        new SottoError('DAEMON_LOST', 'the dictation process has exited', {
          hint: 'the audio is kept; find the text with `sotto history`',
        }),
      ),
    );
    createInterface({ input: socket, crlfDelay: Infinity })
      .on('line', (line) => this.#onLine(line))
      .on('error', () => undefined);
  }

  /** @returns undefined if no dictation process is running @throws SottoError UNAUTHORIZED */
  static connect(path: string): Promise<CaptureClient | undefined> {
    return new Promise((resolve, reject) => {
      const socket = connect(path);
      const timer = setTimeout(() => socket.destroy(new Error('no response')), CONNECT_TIMEOUT_MS);
      const failed = (error: NodeJS.ErrnoException): void => {
        clearTimeout(timer);
        if (error.code === 'EACCES' || error.code === 'EPERM')
          reject(new SottoError('UNAUTHORIZED', `${path} belongs to another user`));
        else resolve(undefined);
      };
      socket.once('error', failed);
      socket.once('connect', () => {
        clearTimeout(timer);
        socket.off('error', failed);
        resolve(new CaptureClient(socket));
      });
    });
  }

  /** Stops the dictation process, if there is one. It finishes an active dictation first. Resolves when it has exited. */
  static async leave(path: string): Promise<void> {
    const capture = await CaptureClient.connect(path);
    if (capture === undefined) return;
    const closed = new Promise<void>((resolve) => capture.#socket.once('close', () => resolve()));
    capture.#send({ type: 'leave' });
    await closed;
  }

  /**
   * Starts a dictation, or joins the active one.
   * @throws SottoError VERSION_MISMATCH if the process is outdated; it exits, and the caller must start a new one
   */
  async begin(options: CaptureOptions): Promise<{ readonly dictation: Capture; readonly isNew: boolean }> {
    this.#isWatching = true;
    const event = await this.#answer({ type: 'begin', protocol: CAPTURE_PROTOCOL, options }, 'dictation');
    return { dictation: event.dictation, isNew: event.isNew === true };
  }

  /**
   * Stops recording and finishes the dictation.
   * @returns whether this caller should deliver the text: only one of several clients and calls does
   * @throws SottoError DAEMON_LOST, TIMEOUT
   */
  async finish(): Promise<boolean> {
    return (await this.#answer({ type: 'finish' }, 'finish')).shouldDeliver;
  }

  request(type: CaptureCommand): void {
    this.#send({ type });
  }

  /** Changes language, model or microphone. */
  switch(to: CaptureSwitch): void {
    this.#send({ ...to, type: 'switch' });
  }

  /** Names of the microphones. @throws SottoError MIC_UNAVAILABLE */
  async devices(): Promise<readonly string[]> {
    return (await this.#answer({ type: 'devices' }, 'devices')).names;
  }

  /** The text of the last dictation, if it was not delivered; kept for some minutes. @throws SottoError */
  async last(): Promise<LastText | undefined> {
    return (await this.#answer({ type: 'last' }, 'last')).last;
  }

  /**
   * Yields the state of the dictation now and at each change; a slow reader gets only the newest. The iteration ends with the
   * dictation, or at once if none is active. May be called once.
   * @throws SottoError DAEMON_LOST if the process dies
   */
  async *updates(): AsyncGenerator<Capture, void> {
    if (!this.#isWatching) this.#send({ type: 'watch' });
    try {
      for await (const dictation of this.#queue.read()) {
        yield dictation;
        if (isOver(dictation.phase)) return;
      }
    } finally {
      this.close();
    }
  }

  close(): void {
    this.#socket.end();
  }

  /** Resolves when the connection has ended. */
  get closed(): Promise<void> {
    if (this.#socket.destroyed) return Promise.resolve();
    return new Promise((resolve) => this.#socket.once('close', () => resolve()));
  }

  #send(request: CaptureRequest): void {
    if (this.#socket.writable) this.#socket.write(`${JSON.stringify(request)}\n`);
  }

  /** Sends a request, and waits for an event of one type. */
  #answer<T extends CaptureEvent['type']>(
    request: CaptureRequest,
    type: T,
  ): Promise<Extract<CaptureEvent, { type: T }>> {
    return new Promise((resolve, reject) => {
      const end = (): void => {
        clearTimeout(timer);
        this.#answers.delete(handler);
      };
      const handler = (event: CaptureEvent | SottoError): void => {
        if (event instanceof SottoError) {
          end();
          reject(event);
        } else if (event.type === type) {
          end();
          resolve(event as Extract<CaptureEvent, { type: T }>);
        }
      };
      const timer = setTimeout(
        () => handler(new SottoError('TIMEOUT', 'the dictation process isn’t responding')),
        ANSWER_TIMEOUT_MS,
      );
      this.#answers.add(handler);
      if (this.#socket.destroyed) handler(new SottoError('DAEMON_LOST', 'the dictation process has exited'));
      else this.#send(request);
    });
  }

  #onLine(line: string): void {
    try {
      const event = parseCaptureEvent(line);
      if (event.type === 'error') {
        const error = SottoError.fromWire(event.error);
        if (this.#answers.size === 0) throw error;
        // The error belongs to a request; the dictation continues.
        for (const handler of [...this.#answers]) handler(error);
        return;
      }
      for (const handler of [...this.#answers]) handler(event);
      if (event.type === 'idle') this.#queue.end();
      else if (event.type === 'dictation') this.#dictation = event.dictation;
      else if (event.type === 'change' && this.#dictation !== undefined)
        this.#dictation = { ...this.#dictation, ...event.change } as Capture;
      if (this.#dictation === undefined || (event.type !== 'dictation' && event.type !== 'change')) return;
      this.#queue.drop(() => true);
      this.#queue.push(this.#dictation);
    } catch (error) {
      this.#fail(SottoError.from(error));
      this.#socket.destroy();
    }
  }

  #fail(error: SottoError): void {
    for (const handler of [...this.#answers]) handler(error);
    this.#queue.end(error);
  }
}

/**
 * The dictation in the background, as a command looks at it.
 *
 * @example
 * const capture = await BackgroundCapture.connect(paths.capture);
 * if (capture === undefined) spawn('sotto', ['capture']); // and connect again
 * else {
 *   await capture.begin({ language: 'en' });
 *   for await (const take of capture.takes()) console.log(take.committed, take.tentative);
 * }
 */
import { connect, type Socket } from 'node:net';
import { createInterface } from 'node:readline';
import {
  CAPTURE_PROTOCOL,
  isOver,
  parseCaptureTell,
  type Capture,
  type CaptureAsk,
  type CaptureOptions,
  type CaptureSwitch,
  type CaptureTell,
  type LastText,
} from '../protocol/capture.js';
import { SottoError } from '../protocol/errors.js';
import { EventQueue } from './event-queue.js';

const CONNECT_TIMEOUT_MS = 2_000;
/** To be asked, and to have begun: the rest takes its time where it can be seen. */
const ANSWER_TIMEOUT_MS = 5_000;

/** What can be asked of a take without saying more. */
export type TakeAsk = 'finish' | 'cancel' | 'restore' | 'pause' | 'resume';

export class BackgroundCapture {
  readonly #socket: Socket;
  readonly #queue = new EventQueue<Capture>();
  readonly #answers = new Set<(told: CaptureTell | SottoError) => void>();
  #dictation: Capture | undefined;
  #isWatching = false;

  private constructor(socket: Socket) {
    this.#socket = socket;
    socket.on('error', () => undefined);
    socket.on('close', () =>
      this.#fail(
        new SottoError('DAEMON_LOST', 'the dictation’s process is gone', {
          hint: 'what was said is kept: `sotto history` shows it',
        }),
      ),
    );
    createInterface({ input: socket, crlfDelay: Infinity })
      .on('line', (line) => this.#hear(line))
      .on('error', () => undefined);
  }

  /** The process of dictations, or undefined where there is none. @throws SottoError UNAUTHORISED */
  static connect(path: string): Promise<BackgroundCapture | undefined> {
    return new Promise((resolve, reject) => {
      const socket = connect(path);
      const timer = setTimeout(() => socket.destroy(new Error('no response')), CONNECT_TIMEOUT_MS);
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

  /** Ends the process that waits, if there is one, and resolves once it is gone; a take that goes on is finished first. */
  static async leave(path: string): Promise<void> {
    const capture = await BackgroundCapture.connect(path);
    if (capture === undefined) return;
    const gone = new Promise<void>((resolve) => capture.#socket.once('close', () => resolve()));
    capture.#send({ type: 'leave' });
    await gone;
  }

  /**
   * Begins a take, or joins the one that goes on.
   * @throws SottoError VERSION_MISMATCH where another process is to be started, once this one has left
   */
  async begin(options: CaptureOptions): Promise<{ readonly dictation: Capture; readonly isNew: boolean }> {
    this.#isWatching = true;
    const told = await this.#answer({ type: 'begin', protocol: CAPTURE_PROTOCOL, options }, 'dictation');
    return { dictation: told.dictation, isNew: told.isNew === true };
  }

  /**
   * All is said. @returns whether the text is for whoever asks here: of several, and of several calls, only one delivers it
   * @throws SottoError DAEMON_LOST, TIMEOUT
   */
  async finish(): Promise<boolean> {
    return (await this.#answer({ type: 'finish' }, 'finish')).isYours;
  }

  ask(type: TakeAsk): void {
    this.#send({ type });
  }

  /** In another language, by another model, from another microphone. */
  switch(to: CaptureSwitch): void {
    this.#send({ ...to, type: 'switch' });
  }

  /** Names of the microphones. @throws SottoError MIC_UNAVAILABLE */
  async devices(): Promise<readonly string[]> {
    return (await this.#answer({ type: 'devices' }, 'devices')).names;
  }

  /** What the last take has left, where nobody was there to be given it; for some minutes. @throws SottoError */
  async last(): Promise<LastText | undefined> {
    return (await this.#answer({ type: 'last' }, 'last')).last;
  }

  /**
   * The take as it is and at each change, the newest where the reader is slow. To be read once; the last one is over. Where
   * nothing goes on there is none.
   * @throws SottoError DAEMON_LOST if its process dies
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

  #send(ask: CaptureAsk): void {
    if (this.#socket.writable) this.#socket.write(`${JSON.stringify(ask)}\n`);
  }

  /** Asks, and waits for the answer of a kind. */
  #answer<T extends CaptureTell['type']>(
    ask: CaptureAsk,
    type: T,
  ): Promise<Extract<CaptureTell, { type: T }>> {
    return new Promise((resolve, reject) => {
      const end = (): void => {
        clearTimeout(timer);
        this.#answers.delete(hear);
      };
      const hear = (told: CaptureTell | SottoError): void => {
        if (told instanceof SottoError) {
          end();
          reject(told);
        } else if (told.type === type) {
          end();
          resolve(told as Extract<CaptureTell, { type: T }>);
        }
      };
      const timer = setTimeout(
        () => hear(new SottoError('TIMEOUT', 'the dictation’s process does not answer')),
        ANSWER_TIMEOUT_MS,
      );
      this.#answers.add(hear);
      if (this.#socket.destroyed) hear(new SottoError('DAEMON_LOST', 'the dictation’s process is gone'));
      else this.#send(ask);
    });
  }

  #hear(line: string): void {
    try {
      const told = parseCaptureTell(line);
      if (told.type === 'error') {
        const error = SottoError.fromWire(told.error);
        if (this.#answers.size === 0) throw error;
        // What could not be had is told to whoever asked for it; the take goes on.
        for (const hear of [...this.#answers]) hear(error);
        return;
      }
      for (const hear of [...this.#answers]) hear(told);
      if (told.type === 'idle') this.#queue.end();
      else if (told.type === 'dictation') this.#dictation = told.dictation;
      else if (told.type === 'change' && this.#dictation !== undefined) {
        const committed = this.#dictation.committed + (told.more ?? '');
        this.#dictation = { ...this.#dictation, ...told.change, committed } as Capture;
      }
      if (this.#dictation === undefined || (told.type !== 'dictation' && told.type !== 'change')) return;
      this.#queue.drop(() => true);
      this.#queue.push(this.#dictation);
    } catch (error) {
      this.#fail(SottoError.from(error));
      this.#socket.destroy();
    }
  }

  #fail(error: SottoError): void {
    for (const hear of [...this.#answers]) hear(error);
    this.#queue.end(error);
  }
}

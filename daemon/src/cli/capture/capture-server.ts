/** The socket at which other commands find the take: tells each of them all of it at first, then what changes. */
import { lstatSync, unlinkSync } from 'node:fs';
import { createServer, type Server, type Socket } from 'node:net';
import { createInterface } from 'node:readline';
import type { Clock } from '../../clock.js';
import { isOver, parseCaptureAsk, type Capture, type CaptureTell } from '../../protocol/capture.js';
import { SottoError } from '../../protocol/errors.js';
import { checkSocketPath } from '../../server/socket.js';
import type { BackgroundTake } from './background-take.js';

/** Often enough for a meter. */
const TELL_EVERY_MS = 50;
/** One that does not read gets no more. */
const MAX_UNREAD_BYTES = 1024 * 1024;
/** A line of a client is a word or two. */
const MAX_LINE = 1024;

export interface CaptureServerParts {
  readonly path: string;
  readonly clock: Clock;
  readonly take: () => BackgroundTake;
  /** Told how many watch, whenever that changes. */
  readonly onWatchers: (count: number) => void;
}

interface Watcher {
  readonly socket: Socket;
  /** What it knows. */
  known: Capture;
}

export class CaptureServer {
  readonly #parts: CaptureServerParts;
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();
  readonly #watchers = new Map<Socket, Watcher>();
  #calmTell: (() => void) | undefined;

  private constructor(parts: CaptureServerParts) {
    this.#parts = parts;
    this.#server = createServer((socket) => this.#serve(socket));
  }

  /** Whoever calls this has the lock: what lies at the path is of a process that is gone. @throws SottoError */
  static async listen(parts: CaptureServerParts): Promise<CaptureServer> {
    const { path } = parts;
    checkSocketPath(path);
    if (lstatSync(path, { throwIfNoEntry: false })?.isSocket() === true) unlinkSync(path);
    const server = new CaptureServer(parts);
    await new Promise<void>((resolve, reject) => {
      server.#server.once('error', (error) => reject(SottoError.from(error)));
      // Nobody may connect in the moment before its mode is set.
      const before = process.umask(0o177);
      server.#server.listen(path, resolve);
      process.umask(before);
    });
    return server;
  }

  /** The take has changed. Its end is told at once, all else a few times in a second. */
  changed(take: Capture): void {
    if (isOver(take.phase)) this.#tellAll();
    else this.#calmTell ??= this.#parts.clock.after(TELL_EVERY_MS, () => this.#tellAll());
  }

  async close(): Promise<void> {
    this.#calmTell?.();
    const closed = new Promise<void>((resolve) => this.#server.close(() => resolve()));
    for (const socket of this.#sockets) socket.end();
    await Promise.race([closed, new Promise((resolve) => setTimeout(resolve, 500))]);
    for (const socket of this.#sockets) socket.destroy();
  }

  #serve(socket: Socket): void {
    this.#sockets.add(socket);
    socket.on('error', () => socket.destroy());
    socket.on('close', () => {
      this.#sockets.delete(socket);
      if (this.#watchers.delete(socket)) this.#parts.onWatchers(this.#watchers.size);
    });
    createInterface({ input: socket, crlfDelay: Infinity }).on('line', (line) => this.#ask(socket, line));
  }

  #ask(socket: Socket, line: string): void {
    try {
      if (line.length > MAX_LINE) throw new SottoError('PROTOCOL', 'the line is too long');
      const { type } = parseCaptureAsk(line);
      const take = this.#parts.take();
      if (type === 'watch') this.#watch(socket, take.now);
      else take[type]();
    } catch (error) {
      send(socket, { type: 'error', error: SottoError.from(error).toWire() });
    }
  }

  #watch(socket: Socket, known: Capture): void {
    const isNew = !this.#watchers.has(socket);
    this.#watchers.set(socket, { socket, known });
    send(socket, { type: 'take', take: known });
    if (isNew) this.#parts.onWatchers(this.#watchers.size);
  }

  #tellAll(): void {
    this.#calmTell?.();
    this.#calmTell = undefined;
    const { now } = this.#parts.take();
    for (const watcher of this.#watchers.values()) {
      const change = changeOf(watcher.known, now);
      watcher.known = now;
      if (change !== undefined) send(watcher.socket, change);
    }
  }
}

function send(socket: Socket, message: CaptureTell): void {
  if (socket.writableLength > MAX_UNREAD_BYTES) socket.destroy();
  else socket.write(`${JSON.stringify(message)}\n`);
}

/** What somebody has to hear who knows `before`; undefined if that is nothing. */
export function changeOf(
  before: Capture,
  now: Capture,
): Extract<CaptureTell, { type: 'change' }> | undefined {
  const { committed, ...fields } = now;
  const entries = Object.entries(fields).filter(([name, value]) => before[name as keyof Capture] !== value);
  // Committed text only grows.
  const more = committed.slice(before.committed.length);
  if (entries.length === 0 && more === '') return undefined;
  const change = Object.fromEntries(entries) as Partial<Capture>;
  return { type: 'change', change, ...(more !== '' && { more }) };
}

/**
 * The socket on which commands find the dictation or start one. A watcher gets the complete state first, then the
 * changes.
 */
import { lstatSync, unlinkSync } from 'node:fs';
import { createServer, type Server, type Socket } from 'node:net';
import { timeout } from '../async.js';
import type { Clock, Timer } from '../clock.js';
import {
  isOver,
  parseCaptureRequest,
  type Capture,
  type CaptureRequest,
  type CaptureOptions,
  type CaptureEvent,
  type LastText,
} from '../protocol/capture.js';
import { SottoError } from '../protocol/errors.js';
import { codedError } from '../protocol/file-errors.js';
import { checkSocketPath } from '../socket-folder.js';
import type { BackgroundDictation } from './background-dictation.js';
import { readLines } from './read-lines.js';
import { defined } from '../protocol/defined.js';

/** Often enough for a level meter. */
const NOTIFY_INTERVAL_MS = 50;
/** A watcher with more unread bytes gets the next change after it has read them. */
const MAX_UNREAD_BYTES = 1024 * 1024;
/** A client that keeps sending requests and leaves this many bytes of responses unread is disconnected. */
const MAX_UNREAD_ANSWER_BYTES = 32 * 1024 * 1024;
/** A request is short, or has names and an initial prompt. */
const MAX_LINE_LENGTH = 16 * 1024;
/** A client that sends a longer line is disconnected. */
const MAX_BUFFERED_LENGTH = 256 * 1024;

interface CaptureServerDeps {
  readonly path: string;
  readonly clock: Clock;
  /** The dictation in progress, or the one that has just ended. */
  readonly dictation: () => BackgroundDictation | undefined;
  /** The dictation in progress, or a new one. @throws SottoError VERSION_MISMATCH */
  readonly begin: (
    options: CaptureOptions,
    protocol: number,
  ) => { dictation: BackgroundDictation; isNew: boolean };
  /** Finishes the dictation. Returns whether `client` delivers the text. */
  readonly finish: (client: object) => boolean;
  /** A text that no client received. */
  readonly last: () => LastText | undefined;
  readonly devices: () => Promise<string[]>;
  readonly leave: () => void;
  /** Called with the number of watchers whenever it changes. */
  readonly onWatchers: (count: number) => void;
  /** Called when a client disconnects. */
  readonly onDisconnected: (client: object) => void;
}

interface Watcher {
  readonly socket: Socket;
  /** The state that the client has. */
  known: Capture;
}

export class CaptureServer {
  readonly #deps: CaptureServerDeps;
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();
  readonly #watchers = new Map<Socket, Watcher>();
  #notifyTimer: Timer | undefined;

  private constructor(deps: CaptureServerDeps) {
    this.#deps = deps;
    this.#server = createServer((socket) => this.#serve(socket));
  }

  /** The caller must hold the lock: a socket at this path belongs to a process that has exited. @throws SottoError */
  static async listen(deps: CaptureServerDeps): Promise<CaptureServer> {
    const { path } = deps;
    checkSocketPath(path);
    if (lstatSync(path, { throwIfNoEntry: false })?.isSocket() === true) unlinkSync(path);
    const server = new CaptureServer(deps);
    await new Promise<void>((resolve, reject) => {
      server.#server.once('error', (error) => reject(codedError(error)));
      // Nothing may connect before the socket's mode is set.
      const before = process.umask(0o177);
      server.#server.listen(path, resolve);
      process.umask(before);
    });
    return server;
  }

  /** Notifies watchers of a change: at once at the end of a dictation, otherwise a few times a second. */
  changed(dictation: Capture): void {
    if (isOver(dictation.phase)) this.#notifyAll();
    else this.#notifyTimer ??= this.#deps.clock.after(NOTIFY_INTERVAL_MS, () => this.#notifyAll());
  }

  async close(): Promise<void> {
    this.#notifyTimer?.cancel();
    const closed = new Promise<void>((resolve) => this.#server.close(() => resolve()));
    for (const socket of this.#sockets) socket.end();
    await timeout(closed, 500);
    for (const socket of this.#sockets) socket.destroy();
  }

  #serve(socket: Socket): void {
    this.#sockets.add(socket);
    socket.on('error', () => socket.destroy());
    socket.on('drain', () => this.#notifyAll());
    socket.on('close', () => {
      this.#sockets.delete(socket);
      this.#deps.onDisconnected(socket);
      if (this.#watchers.delete(socket)) this.#deps.onWatchers(this.#watchers.size);
    });
    readLines(socket, MAX_BUFFERED_LENGTH, {
      onLine: (line) => void this.#handleLine(socket, line),
      onTooLong: () => {
        send(socket, { type: 'error', error: new SottoError('PROTOCOL', 'the line is too long').toWire() });
        socket.destroySoon();
      },
    });
  }

  async #handleLine(socket: Socket, line: string): Promise<void> {
    try {
      if (line.length > MAX_LINE_LENGTH) throw new SottoError('PROTOCOL', 'the line is too long');
      await this.#request(socket, parseCaptureRequest(line));
    } catch (error) {
      send(socket, { type: 'error', error: codedError(error).toWire() });
    }
  }

  async #request(socket: Socket, request: CaptureRequest): Promise<void> {
    const { begin, devices, finish, last, leave } = this.#deps;
    if (request.type === 'begin') {
      const { dictation, isNew } = begin(request.options, request.protocol);
      this.#watch(socket, dictation.now, isNew);
      return;
    }
    if (request.type === 'devices') {
      send(socket, { type: 'devices', names: await devices() });
      return;
    }
    if (request.type === 'leave') {
      leave();
      return;
    }
    if (request.type === 'last') {
      const left = last();
      send(socket, { type: 'last', ...defined({ last: left }) });
      return;
    }
    if (request.type === 'finish') send(socket, { type: 'finish', shouldDeliver: finish(socket) });
    const dictation = this.#deps.dictation();
    if (dictation === undefined) send(socket, { type: 'idle' });
    else if (request.type === 'watch') this.#watch(socket, dictation.now, false);
    else if (request.type === 'switch') dictation.switch(request);
    else if (request.type !== 'finish') dictation[request.type]();
  }

  #watch(socket: Socket, known: Capture, isNew: boolean): void {
    const isAnother = !this.#watchers.has(socket);
    this.#watchers.set(socket, { socket, known });
    send(socket, { type: 'dictation', dictation: known, ...(isNew && { isNew }) });
    if (isAnother) this.#deps.onWatchers(this.#watchers.size);
  }

  #notifyAll(): void {
    this.#notifyTimer?.cancel();
    this.#notifyTimer = undefined;
    const now = this.#deps.dictation()?.now;
    if (now === undefined) return;
    for (const watcher of this.#watchers.values()) {
      if (watcher.socket.writableLength > MAX_UNREAD_BYTES) continue;
      const change = captureChange(watcher.known, now);
      watcher.known = now;
      if (change !== undefined) send(watcher.socket, change);
    }
  }
}

function send(socket: Socket, message: CaptureEvent): void {
  if (socket.writableLength > MAX_UNREAD_ANSWER_BYTES) socket.destroy();
  else if (socket.writable) socket.write(`${JSON.stringify(message)}\n`);
}

/** The event for a client that has the state `before`; undefined without a change. */
function captureChange(before: Capture, now: Capture): CaptureEvent | undefined {
  if (Object.keys(before).some((name) => !(name in now))) return { type: 'dictation', dictation: now };
  const entries = Object.entries(now).filter(([name, value]) => before[name as keyof Capture] !== value);
  return entries.length === 0 ? undefined : { type: 'change', change: Object.fromEntries(entries) };
}

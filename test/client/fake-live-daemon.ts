/**
 * An in-process daemon on a real socket that only supports dictation. It checks the position of every frame, acknowledges late,
 * loses unacknowledged audio when it dies, and breaks its connections at given bytes.
 */
import { createServer, connect, type Server, type Socket } from 'node:net';
import { rmSync } from 'node:fs';
import { WebSocketServer, type WebSocket } from 'ws';
import { parseAudioFrame } from '#daemon/protocol/audio-frame.js';
import { SottoError } from '#daemon/protocol/errors.js';
import { BYTES_PER_SAMPLE, isNumbered, type LiveEvent } from '#daemon/protocol/live.js';
import { parseClientMessage, type ClientMessage, type DaemonMessage } from '#daemon/protocol/messages.js';
import { PROTOCOL_VERSION } from '#daemon/protocol/version.js';
import { ramp } from '#test/harness/ramp.js';

/** Where a connection breaks: after this many bytes up (to the daemon) or down, whichever is first. */
export interface Cut {
  readonly up: number;
  readonly down: number;
  /** Whether the daemon dies, too, and the next connection reaches another one. */
  readonly dies: boolean;
}

export interface FakeDaemonOptions {
  readonly cuts?: readonly Cut[];
  /** Writes to disk and acknowledges in steps of this many samples. */
  readonly acknowledgeEvery?: number;
  /** Commits a word for each of this many samples on disk. */
  readonly samplesPerWord?: number;
  /** Whether it ignores a message. */
  readonly deaf?: (message: ClientMessage) => boolean;
  /** Refuses a message. */
  readonly refuses?: (message: ClientMessage) => SottoError | undefined;
}

function listening(server: Server, path: string): Promise<void> {
  return new Promise((resolve, reject) => {
    server.on('error', reject);
    server.listen(path, resolve);
  });
}

class Session {
  /** Samples on disk; `received` also counts those in memory. */
  onDisk = 0;
  received = 0;
  words = 0;
  over = false;
  readonly journal: LiveEvent[] = [];
  socket: WebSocket | undefined;
  constructor(
    readonly id: string,
    readonly channel: number,
  ) {}
}

export class FakeLiveDaemon {
  /** Protocol violations; must stay empty. */
  readonly wrong: string[] = [];
  readonly sessions = new Map<string, Session>();
  connections = 0;
  /** Ids of discarded sessions. */
  readonly discarded: string[] = [];
  /** Open connections. */
  get open(): number {
    return this.#inner.clients.size;
  }

  readonly #options: Required<FakeDaemonOptions>;
  readonly #path: string;
  readonly #inner: WebSocketServer;
  readonly #innerHttp: Server;
  readonly #front: Server;
  readonly #sockets = new Set<Socket>();
  #nextChannel = 1;

  private constructor(path: string, options: FakeDaemonOptions, servers: [WebSocketServer, Server]) {
    this.#path = path;
    this.#options = {
      cuts: [],
      acknowledgeEvery: 4_000,
      samplesPerWord: 8_000,
      deaf: () => false,
      refuses: () => undefined,
      ...options,
    };
    [this.#inner, this.#innerHttp] = servers;
    this.#inner.on('connection', (socket) => this.#serve(socket));
    this.#front = createServer((near) => this.#relay(near));
  }

  static async listen(path: string, options: FakeDaemonOptions = {}): Promise<FakeLiveDaemon> {
    const { createServer: createHttp } = await import('node:http');
    const http = createHttp();
    const daemon = new FakeLiveDaemon(path, options, [new WebSocketServer({ server: http }), http]);
    await listening(http, `${path}.inner`);
    await listening(daemon.#front, path);
    return daemon;
  }

  async close(): Promise<void> {
    this.breakAll();
    for (const server of [this.#front, this.#innerHttp]) {
      await new Promise<void>((resolve) => server.close(() => resolve()));
    }
    for (const path of [this.#path, `${this.#path}.inner`]) rmSync(path, { force: true });
  }

  breakAll(): void {
    for (const socket of this.#sockets) socket.destroy();
  }

  /** Sends an event of a session to its client. */
  emit(session: Session, event: LiveEvent): void {
    if (isNumbered(event)) session.journal.push(event);
    const seq = isNumbered(event) ? { seq: session.journal.length } : {};
    this.#send(session.socket, { type: 'live', id: session.id, ...seq, event });
  }

  #relay(near: Socket): void {
    const cut = this.#options.cuts[this.connections++];
    const far = connect(`${this.#path}.inner`);
    let over = false;
    const end = (): void => {
      if (!over && cut?.dies === true) this.#die();
      over = true;
      for (const socket of [near, far]) {
        socket.destroy();
        this.#sockets.delete(socket);
      }
    };
    const pass = (from: Socket, to: Socket, limit: number): void => {
      let passed = 0;
      from.on('data', (data) => {
        if (over) return;
        to.write(data.subarray(0, Math.max(0, limit - passed)));
        passed += data.length;
        // The forwarded bytes arrive first.
        if (passed >= limit) setImmediate(end);
      });
    };
    pass(near, far, cut?.up ?? Infinity);
    pass(far, near, cut?.down ?? Infinity);
    for (const socket of [near, far]) {
      this.#sockets.add(socket);
      socket.on('close', end);
      socket.on('error', end);
    }
  }

  #die(): void {
    for (const [id, session] of this.sessions) {
      session.socket = undefined;
      session.received = session.onDisk;
      // A session without a file is lost.
      if (session.onDisk === 0) this.sessions.delete(id);
    }
  }

  #serve(socket: WebSocket): void {
    const channels = new Map<number, Session>();
    socket.on('error', () => undefined);
    socket.on('message', (data, isBinary) => {
      if (!Buffer.isBuffer(data)) return;
      if (isBinary) this.#receiveAudio(data, channels, socket);
      else {
        const message = parseClientMessage(data.toString('utf8'));
        const why = this.#options.refuses(message);
        if (why !== undefined && 'id' in message) {
          this.#send(socket, { type: 'error', id: message.id, error: why.toWire() });
        } else if (!this.#options.deaf(message)) this.#handle(message, channels, socket);
      }
    });
  }

  #handle(message: ClientMessage, channels: Map<number, Session>, socket: WebSocket): void {
    switch (message.type) {
      case 'hello':
        this.#send(socket, { type: 'hello', protocol: PROTOCOL_VERSION, version: '0', pid: process.pid });
        return;
      case 'open': {
        if (this.sessions.has(message.id)) this.wrong.push('a session was opened twice');
        const session = new Session(message.id, this.#nextChannel++);
        this.sessions.set(message.id, session);
        this.#attach(session, 0, channels, socket);
        return;
      }
      case 'resume': {
        const session = this.sessions.get(message.id);
        if (session === undefined) {
          const error = new SottoError('SESSION_NOT_FOUND', 'there is no such session').toWire();
          this.#send(socket, { type: 'error', id: message.id, error });
        } else this.#attach(session, message.seq, channels, socket);
        return;
      }
      case 'finish': {
        const session = this.sessions.get(message.id);
        if (session === undefined || session.over || session.socket !== socket) return;
        if (message.samples !== session.received) {
          this.wrong.push(`finish at ${message.samples} with ${session.received} received`);
        }
        this.#flush(session);
        this.#end(session);
        return;
      }
      case 'cancel': {
        const session = this.sessions.get(message.id);
        if (session === undefined || session.over) return;
        session.over = true;
        this.emit(session, { type: 'cancelled' });
        return;
      }
      case 'discard':
        this.discarded.push(message.id);
        this.sessions.delete(message.id);
        this.#send(socket, { type: 'discarded', id: message.id });
        return;
      default:
        this.wrong.push(`a dictation says \`${message.type}\``);
    }
  }

  #attach(session: Session, seq: number, channels: Map<number, Session>, socket: WebSocket): void {
    session.socket = socket;
    session.received = session.onDisk;
    channels.set(session.channel, session);
    const { id, channel, onDisk } = session;
    this.#send(socket, { type: 'opened', id, channel, acknowledged: onDisk, model: 'fake' });
    session.journal.slice(seq).forEach((event, index) => {
      this.#send(socket, { type: 'live', id, seq: seq + index + 1, event });
    });
  }

  #receiveAudio(data: Buffer, channels: Map<number, Session>, socket: WebSocket): void {
    const { channel, firstSample, pcm } = parseAudioFrame(data);
    const session = channels.get(channel);
    if (session === undefined) this.wrong.push(`channel ${channel} was not opened`);
    // An abandoned connection may still deliver frames.
    if (session?.socket !== socket || session.over) return;
    if (firstSample !== session.received) {
      this.wrong.push(`sample ${firstSample} came where ${session.received} was due`);
    }
    const due = ramp(firstSample, firstSample + pcm.byteLength / BYTES_PER_SAMPLE);
    if (Buffer.compare(pcm, new Uint8Array(due.buffer)) !== 0) {
      this.wrong.push(`samples from ${firstSample} on are other ones`);
    }
    if (pcm.byteLength > BYTES_PER_SAMPLE * 1_600) this.wrong.push(`a frame of ${pcm.byteLength} bytes`);
    session.received = firstSample + pcm.byteLength / BYTES_PER_SAMPLE;
    if (session.received - session.onDisk >= this.#options.acknowledgeEvery) this.#flush(session);
  }

  #flush(session: Session): void {
    session.onDisk = session.received;
    this.#send(session.socket, { type: 'acknowledged', id: session.id, samples: session.onDisk });
    const { samplesPerWord } = this.#options;
    for (; (session.words + 1) * samplesPerWord <= session.onDisk; session.words++) {
      this.emit(session, { type: 'tentative', text: ` word ${session.words}` });
      this.emit(session, this.#committed(session.words));
    }
  }

  #committed(index: number): Extract<LiveEvent, { type: 'committed' }> {
    const seconds = this.#options.samplesPerWord / 16_000;
    const word = ` word-${index}`;
    const times = { start: index * seconds, end: (index + 1) * seconds };
    return { type: 'committed', text: word, words: [{ ...times, word, probability: 1 }] };
  }

  #end(session: Session): void {
    session.over = true;
    const words = Array.from({ length: session.words }, (_, index) => this.#committed(index).words).flat();
    const text = words.map(({ word }) => word).join('');
    const durationSeconds = session.onDisk / 16_000;
    this.emit(session, { type: 'final', text, words, durationSeconds, model: 'fake', refined: false });
  }

  #send(socket: WebSocket | undefined, message: DaemonMessage): void {
    if (socket?.readyState === socket?.OPEN) socket?.send(JSON.stringify(message));
  }
}

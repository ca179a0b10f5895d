/** The daemon's Unix socket: HTTP, and the WebSocket of Sotto's own clients. */
import type { Timer } from '../clock.js';
import { dirname, join } from 'node:path';
import { messageOf } from '../protocol/errors.js';
import type { WebSocket } from 'ws';
import { LIMITS } from '../protocol/version.js';
import type { Api } from './api.js';
import { ClientConnection, type ConnectionContext } from './client-connection.js';
import { SOCKET_RULES } from './guard.js';
import { Admission } from './http/admission.js';
import { HttpServer } from './http/http-server.js';
import { FILE_CHECK_INTERVAL_MS, acquireLock, type Lock } from './daemon-lock.js';
import { isListening } from './probe.js';
import { checkSocketPath, securePrivateFolder } from '../socket-folder.js';
import { isSocketInPlace, listenAt, removeSocket } from './socket.js';
import { PONG_TIMEOUT_MS, GOING_AWAY, PING_INTERVAL_MS } from './websocket.js';

interface ServerContext extends ConnectionContext {
  readonly socketPath: string;
  /** Lock file of the daemon; default `daemon.lock` next to the socket. */
  readonly lockPath?: string;
  /** Called if another process replaced this daemon or removed its folder, so that it must stop. */
  readonly onDisplaced?: (why: string) => void;
  /** The HTTP API, also served at the port. */
  readonly api?: Api;
  /** Called with the number of clients when one connects or disconnects. */
  readonly onConnections?: (count: number) => void;
}

export class SottoServer {
  readonly #httpServer: HttpServer;
  readonly #context: ServerContext;
  readonly #connections = new Set<ClientConnection>();
  readonly #lock: Lock;
  #inode = 0;
  #pingTimer: Timer | undefined;
  #fileCheckTimer: Timer | undefined;
  #isClosing = false;
  #lastErrorMessage = '';

  private constructor(context: ServerContext, lock: Lock) {
    this.#context = context;
    this.#lock = lock;
    const { api = { routes: [], sockets: [], admission: new Admission() } } = context;
    this.#httpServer = new HttpServer({
      ...api,
      rules: SOCKET_RULES,
      sockets: [
        ...api.sockets,
        {
          path: '/ws',
          maxMessageBytes: LIMITS.maxMessageBytes,
          open: (socket) => this.#accept(socket),
        },
      ],
      log: context.log,
    });
  }

  /**
   * Takes the lock of the user's one daemon and listens.
   * @throws SottoError DAEMON_RUNNING, UNAUTHORIZED (the folder is not private), INVALID_ARGUMENT (path too long)
   */
  static async listen(context: ServerContext): Promise<SottoServer> {
    const folder = dirname(context.socketPath);
    checkSocketPath(context.socketPath);
    securePrivateFolder(folder);
    const lock = await acquireLock({
      lock: context.lockPath ?? join(folder, 'daemon.lock'),
      socket: context.socketPath,
    });
    try {
      const server = new SottoServer(context, lock);
      server.#inode = await listenAt(server.#httpServer.http, context.socketPath);
      server.#ping(context.clock.nowMs());
      server.#checkFilesSoon();
      return server;
    } catch (error) {
      lock.release();
      throw error;
    }
  }

  get connections(): number {
    return this.#connections.size;
  }

  /** Stops listening, removes the socket file and closes all connections. */
  async close(): Promise<void> {
    this.#isClosing = true;
    this.#pingTimer?.cancel();
    this.#fileCheckTimer?.cancel();
    removeSocket(this.#context.socketPath, this.#inode);
    this.#httpServer.endClients(GOING_AWAY, 'the daemon is stopping');
    await this.#httpServer.close();
    this.#lock.release();
  }

  /** A daemon whose socket was removed can't be reached but holds the lock, so it makes the socket again or stops. */
  #checkFilesSoon(): void {
    this.#fileCheckTimer = this.#context.clock.after(FILE_CHECK_INTERVAL_MS, () => {
      void this.#checkFiles().then((displaced) => {
        if (this.#isClosing) return;
        if (displaced === undefined) this.#checkFilesSoon();
        else (this.#context.onDisplaced ?? this.#context.shutdown)(displaced);
      });
    });
  }

  /** @returns why this daemon must stop, or undefined */
  async #checkFiles(): Promise<string | undefined> {
    const { socketPath, log } = this.#context;
    try {
      if (!this.#lock.isInPlace() && !this.#lock.replace())
        return 'its folder was removed, or another daemon replaced it';
      if (isSocketInPlace(socketPath, this.#inode) || this.#isClosing) return undefined;
      securePrivateFolder(dirname(socketPath));
      if (await isListening(socketPath)) return 'another daemon listens on its socket';
      this.#inode = await listenAt(this.#httpServer.http, socketPath);
      if (this.#isClosing) removeSocket(socketPath, this.#inode);
      log.warn('the socket was removed: listening on a new one');
      this.#lastErrorMessage = '';
    } catch (error) {
      // For example a folder that the system makes again at the next login. Logs each reason once.
      const message = messageOf(error);
      if (message !== this.#lastErrorMessage) log.error({ message }, 'could not make the socket again');
      this.#lastErrorMessage = message;
    }
    return undefined;
  }

  #ping(sinceMs: number): void {
    this.#pingTimer = this.#context.clock.after(PING_INTERVAL_MS, () => {
      const now = this.#context.clock.nowMs();
      const slept = now - sinceMs > 2 * PING_INTERVAL_MS;
      for (const connection of this.#connections) {
        if (slept) connection.resetPong();
        connection.ping(PONG_TIMEOUT_MS);
      }
      this.#ping(now);
    });
  }

  #accept(client: WebSocket): void {
    const connection = new ClientConnection(client, this.#context);
    this.#connections.add(connection);
    client.on('close', () => {
      this.#connections.delete(connection);
      this.#context.onConnections?.(this.#connections.size);
    });
    this.#context.onConnections?.(this.#connections.size);
  }
}

/** The daemon's face: HTTP on a Unix socket, and on it the WebSocket that clients speak. */
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
import { checkSocketPath, isSocketInPlace, listenAt, removeSocket, securePrivateFolder } from './socket.js';
import { PONG_TIMEOUT_MS, GOING_AWAY, PING_INTERVAL_MS } from './websocket.js';

interface ServerContext extends ConnectionContext {
  readonly socketPath: string;
  /** File of the daemon's lock; `daemon.lock` beside the socket, if left out. */
  readonly lockPath?: string;
  /** Told that another process has taken this daemon's place, or removed its folder: it has to end. */
  readonly onDisplaced?: (why: string) => void;
  /** What programs of others are served, here as at the port. */
  readonly api?: Api;
  /** Told when a client comes or goes, with how many there are. */
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
   * Becomes the user's one daemon and listens.
   * @throws SottoError DAEMON_RUNNING, UNAUTHORISED (the place is not safe), INVALID_ARGUMENT (path too long)
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

  /** Stops listening (the socket file goes) and ends every connection. */
  async close(): Promise<void> {
    this.#isClosing = true;
    this.#pingTimer?.cancel();
    this.#fileCheckTimer?.cancel();
    removeSocket(this.#context.socketPath, this.#inode);
    this.#httpServer.endClients(GOING_AWAY, 'the daemon ends');
    await this.#httpServer.close();
    this.#lock.release();
  }

  /** A daemon whose socket was removed can't be reached, yet holds the lock: it makes the socket again, or ends. */
  #checkFilesSoon(): void {
    this.#fileCheckTimer = this.#context.clock.after(FILE_CHECK_INTERVAL_MS, () => {
      void this.#checkFiles().then((displaced) => {
        if (this.#isClosing) return;
        if (displaced === undefined) this.#checkFilesSoon();
        else (this.#context.onDisplaced ?? this.#context.shutdown)(displaced);
      });
    });
  }

  /** @returns why this daemon has to end, where it has to */
  async #checkFiles(): Promise<string | undefined> {
    const { socketPath, log } = this.#context;
    try {
      if (!this.#lock.isInPlace() && !this.#lock.replace())
        return 'its folder was removed, or another daemon has taken over';
      if (isSocketInPlace(socketPath, this.#inode) || this.#isClosing) return undefined;
      securePrivateFolder(dirname(socketPath));
      if (await isListening(socketPath)) return 'another daemon listens at its socket';
      this.#inode = await listenAt(this.#httpServer.http, socketPath);
      if (this.#isClosing) removeSocket(socketPath, this.#inode);
      log.warn('the socket was removed: listening at a new one');
      this.#lastErrorMessage = '';
    } catch (error) {
      // Such as a folder that the system makes again at the next login. One line for each reason.
      const message = messageOf(error);
      if (message !== this.#lastErrorMessage) log.error({ message }, 'the socket can not be made again');
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

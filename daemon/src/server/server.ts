/** The daemon's face: HTTP on a Unix socket, and on it the WebSocket that clients speak. */
import { dirname } from 'node:path';
import type { WebSocket } from 'ws';
import { LIMITS } from '../protocol/version.js';
import type { Api } from './api.js';
import { Connection, type ConnectionContext } from './connection.js';
import { SOCKET_RULES } from './guard.js';
import { Admission } from './http/admission.js';
import { HttpFront } from './http/front.js';
import { takeLock } from './lock.js';
import { checkSocketPath, listenAt, securePrivateFolder } from './socket.js';
import { DEAD_AFTER_MS, GOING_AWAY, PING_EVERY_MS } from './websocket.js';

export interface ServerContext extends ConnectionContext {
  readonly socketPath: string;
  /** What programs of others are served, here as at the port. */
  readonly api?: Api;
  /** Told when a client comes or goes, with how many there are. */
  readonly onConnections?: (count: number) => void;
}

export class SottoServer {
  readonly #front: HttpFront;
  readonly #context: ServerContext;
  readonly #connections = new Set<Connection>();
  #calmBeat: () => void = () => undefined;

  private constructor(context: ServerContext) {
    this.#context = context;
    const { api = { routes: [], sockets: [], admission: new Admission() } } = context;
    this.#front = new HttpFront({
      ...api,
      rules: SOCKET_RULES,
      sockets: [
        ...api.sockets,
        {
          path: '/ws',
          maxMessageBytes: LIMITS.maxMessageBytes,
          open: (socket) => this.#welcome(socket),
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
    const lock = await takeLock(folder, context.socketPath);
    const server = new SottoServer(context);
    await listenAt(server.#front.http, context.socketPath, lock);
    server.#beat(context.clock.nowMs());
    return server;
  }

  get connections(): number {
    return this.#connections.size;
  }

  /** Stops listening (the socket file goes) and ends every connection. */
  async close(): Promise<void> {
    this.#calmBeat();
    this.#front.endClients(GOING_AWAY, 'the daemon ends');
    await this.#front.close();
  }

  #beat(sinceMs: number): void {
    this.#calmBeat = this.#context.clock.after(PING_EVERY_MS, () => {
      const now = this.#context.clock.nowMs();
      const slept = now - sinceMs > 2 * PING_EVERY_MS;
      for (const connection of this.#connections) {
        if (slept) connection.forgive();
        connection.beat(DEAD_AFTER_MS);
      }
      this.#beat(now);
    });
  }

  #welcome(client: WebSocket): void {
    const connection = new Connection(client, this.#context);
    this.#connections.add(connection);
    client.on('close', () => {
      this.#connections.delete(connection);
      this.#context.onConnections?.(this.#connections.size);
    });
    this.#context.onConnections?.(this.#connections.size);
  }
}

/**
 * The port of the OpenAI-compatible API. It is opt-in, listens only on loopback addresses and requires a token. It serves no
 * request that contains a file path.
 */
import type { Server } from 'node:http';
import { codeOf, SottoError } from '../../protocol/errors.js';
import { DEFAULT_HTTP_PORT } from '../../protocol/http-port.js';
import type { HttpStatus, ServeRequest, ServeResult } from '../../protocol/serve.js';
import { SOTTO_VERSION } from '../../protocol/version.js';
import type { Logger } from '../../logger.js';
import { apiToken, rotateToken } from '../../store/api-token.js';
import { announce, withdraw } from '../../store/discovery.js';
import { sweepDrafts } from '../../store/write-file-atomic.js';
import type { Api } from '../api.js';
import { portHosts } from '../guard.js';
import { GOING_AWAY, POLICY_VIOLATION } from '../websocket.js';
import { HttpServer } from './http-server.js';
import { portHolder } from './port-holder.js';
import { defined } from '../../protocol/defined.js';

/** Numeric, because a name such as `localhost` could resolve to another address. */
const ADDRESSES = ['127.0.0.1', '::1'] as const;
/** A port that is free on one address may be in use on the other; then another port is tried. */
const TRIES = 16;

export interface PortOptions {
  readonly api: Api;
  /** Paths of the token file and of the discovery file. */
  readonly token: string;
  readonly discovery: string;
  /** Read and write the port in settings.json; undefined for none. */
  readonly wanted: () => number | undefined;
  readonly want: (port: number | undefined) => Promise<void>;
  readonly log: Logger;
  /** Called when it opens or closes. */
  readonly onChange?: () => void;
}

interface Open {
  readonly port: number;
  readonly servers: readonly { readonly address: string; readonly httpServer: HttpServer }[];
}

export class ApiPort {
  readonly #options: PortOptions;
  #open: Open | undefined;
  #token = '';
  #failed: SottoError | undefined;
  #closed = false;
  /** Runs one change at a time, in the order of the requests. */
  #queue: Promise<unknown> = Promise.resolve();

  constructor(options: PortOptions) {
    this.#options = options;
  }

  get isOpen(): boolean {
    return this.#open !== undefined;
  }

  status(): HttpStatus | undefined {
    if (this.#open !== undefined)
      return { port: this.#open.port, addresses: this.#open.servers.map(({ address }) => address) };
    return this.#failed && { addresses: [], error: this.#failed.toWire() };
  }

  /**
   * Opens the port if the settings say so. Never fails, because a daemon without its port still serves; the status then has the
   * error. The caller holds the daemon's lock, so this removes a discovery file left by a killed daemon.
   */
  async restore(): Promise<void> {
    await this.#enqueue(async () => {
      const { discovery, token } = this.#options;
      if (this.#open === undefined) withdraw(discovery);
      for (const path of [discovery, token]) sweepDrafts(path);
      try {
        const wanted = this.#options.wanted();
        if (wanted !== undefined && this.#open === undefined) await this.#start(wanted);
      } catch (error) {
        this.#failed = SottoError.from(error);
        this.#options.log.error({ code: this.#failed.code }, this.#failed.message);
      }
    });
  }

  /** @throws SottoError PORT_TAKEN, INVALID_ARGUMENT (settings), UNAUTHORIZED (the file of the token), OUTPUT_FAILED */
  handle(request: ServeRequest): Promise<ServeResult> {
    return this.#enqueue(async () => {
      const changed = await this.#do(request);
      const http = this.status();
      return { changed, ...defined({ http }) };
    });
  }

  /** Removes the discovery file of a stopping daemon, which still answers open requests. */
  hide(): void {
    this.#closed = true;
    withdraw(this.#options.discovery);
  }

  /** Closes the port of a stopping daemon; the settings stay, so that the next one opens it again. */
  async close(): Promise<void> {
    this.hide();
    await this.#enqueue(() => this.#shut(this.#open, GOING_AWAY, 'the daemon is stopping'));
  }

  async #do(request: ServeRequest): Promise<boolean> {
    switch (request.do) {
      case 'status':
        return false;
      case 'start': {
        const { wanted, want } = this.#options;
        const { port = this.#open?.port ?? wanted() ?? DEFAULT_HTTP_PORT } = request;
        const before = this.#open;
        if (before !== undefined && (port === 0 || port === before.port)) {
          // A request without a port keeps the configured one, such as 0.
          if (request.port !== undefined || wanted() === undefined) await want(port);
          return false;
        }
        await this.#move(port, before);
        return true;
      }
      case 'stop': {
        const before = this.#open;
        this.#failed = undefined;
        withdraw(this.#options.discovery);
        await this.#shut(before, GOING_AWAY, 'the API server was stopped');
        await this.#options.want(undefined);
        return before !== undefined;
      }
      case 'rotate':
        this.#token = await rotateToken(this.#options.token);
        for (const { httpServer } of this.#open?.servers ?? [])
          httpServer.endClients(POLICY_VIOLATION, 'the token was rotated');
        if (this.#open !== undefined) await this.#announce(this.#open);
        return true;
    }
  }

  /** Opens another port; if it can't be saved in the settings, restores the previous state. */
  async #move(port: number, before: Open | undefined): Promise<void> {
    const opened = await this.#start(port);
    try {
      // Saved only now, so that the next daemon does not try a port that can't be opened.
      await this.#options.want(port);
    } catch (error) {
      this.#open = before;
      await this.#shut(opened, GOING_AWAY, 'the port is not open');
      withdraw(this.#options.discovery);
      if (before !== undefined) await this.#announce(before).catch(() => undefined); // the disk may be full
      throw error;
    }
    await this.#shut(before, GOING_AWAY, 'the port was changed');
  }

  async #start(wanted: number): Promise<Open> {
    this.#token = await apiToken(this.#options.token);
    const open = await this.#listen(wanted);
    try {
      await this.#announce(open);
      if (this.#closed) throw new SottoError('DAEMON_UNAVAILABLE', 'the daemon is stopping');
    } catch (error) {
      await this.#shut(open, GOING_AWAY, 'the port is not open');
      throw error;
    }
    this.#open = open;
    this.#failed = undefined;
    this.#options.log.info({ port: open.port }, 'port open');
    this.#options.onChange?.();
    return open;
  }

  async #shut(open: Open | undefined, code: number, reason: string): Promise<void> {
    if (open === undefined) return;
    if (this.#open === open) this.#open = undefined;
    for (const { httpServer } of open.servers) httpServer.endClients(code, reason);
    await Promise.all(open.servers.map(({ httpServer }) => httpServer.close()));
    this.#options.log.info({ port: open.port }, 'port closed');
    this.#options.onChange?.();
  }

  async #announce({ port }: Open): Promise<void> {
    if (this.#closed) return;
    await announce(this.#options.discovery, {
      port,
      token: this.#token,
      pid: process.pid,
      version: SOTTO_VERSION,
    });
    // `hide` was called while the file was written.
    if (this.#closed) withdraw(this.#options.discovery);
  }

  async #listen(wanted: number): Promise<Open> {
    for (let tries = 1; ; tries++) {
      try {
        return await this.#listenOnce(wanted);
      } catch (error) {
        if (codeOf(error) !== 'EADDRINUSE') throw openError(wanted, error);
        if (wanted !== 0 || tries === TRIES) throw await portInUse(wanted, error);
      }
    }
  }

  async #listenOnce(wanted: number): Promise<Open> {
    const servers: { address: string; httpServer: HttpServer }[] = [];
    const hosts = new Set<string>();
    let port = wanted;
    for (const address of ADDRESSES) {
      const httpServer = this.#createServer(hosts);
      try {
        port = await listen(httpServer.http, port, address);
        servers.push({ address, httpServer });
      } catch (error) {
        // Only a machine without IPv6 may skip an address; otherwise `localhost` could reach another program.
        const isAbsent = ['EADDRNOTAVAIL', 'EAFNOSUPPORT'].includes(codeOf(error) ?? '');
        if (isAbsent && servers.length > 0) continue;
        await Promise.all(servers.map(({ httpServer: opened }) => opened.close()));
        throw error;
      }
    }
    for (const host of portHosts(port)) hosts.add(host);
    return { port, servers };
  }

  /** @param hosts served hosts; the caller adds them once the port is known */
  #createServer(hosts: ReadonlySet<string>): HttpServer {
    const { api, log } = this.#options;
    return new HttpServer({ ...api, rules: { hosts }, token: () => this.#token, log });
  }

  #enqueue<T>(work: () => Promise<T>): Promise<T> {
    const done = this.#queue.then(work);
    this.#queue = done.catch(() => undefined);
    return done;
  }
}

/** @returns the actual port */
function listen(server: Server, port: number, host: string): Promise<number> {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen({ port, host, exclusive: true, ipv6Only: host === '::1' }, () => {
      server.off('error', reject);
      const address = server.address();
      resolve(typeof address === 'object' && address !== null ? address.port : port);
    });
  });
}

async function portInUse(port: number, cause: unknown): Promise<SottoError> {
  const holder = await portHolder(port);
  return new SottoError('PORT_TAKEN', `port ${port} is in use by ${holder ?? 'another program'}`, { cause });
}

function openError(port: number, cause: unknown): SottoError {
  return new SottoError('PORT_TAKEN', `port ${port} can't be opened: ${SottoError.from(cause).message}`, {
    cause,
  });
}

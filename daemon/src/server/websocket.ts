/** What every WebSocket here has in common, whoever speaks on it. */
import type { RawData, WebSocket } from 'ws';

/** Close codes of RFC 6455 and its registry. */
export const NORMAL = 1000;
export const GOING_AWAY = 1001;
export const POLICY_VIOLATION = 1008;
export const TRY_AGAIN_LATER = 1013;

export const PING_INTERVAL_MS = 15_000;
/** One that has not answered for so long is let go. */
export const PONG_TIMEOUT_MS = 45_000;
/** A client with more unread bytes has to read, or its connection is ended. */
export const MAX_UNREAD_BYTES = 1024 * 1024;
/** How long a client that is told goodbye may take to say it, too. */
const CLOSE_TIMEOUT_MS = 500;

/** Says goodbye; a client that does not answer is cut off. */
export function closeSoon(socket: WebSocket, code: number, reason: string): void {
  socket.close(code, reason);
  const cut = setTimeout(() => socket.terminate(), CLOSE_TIMEOUT_MS);
  socket.once('close', () => clearTimeout(cut)); // else the process would stay for it
}

export function textOf(data: RawData): string {
  return bytesOf(data).toString('utf8');
}

export function bytesOf(data: RawData): Buffer {
  if (Buffer.isBuffer(data)) return data;
  return Array.isArray(data) ? Buffer.concat(data) : Buffer.from(data);
}

/** Constants and helpers for all WebSockets. */
import type { RawData, WebSocket } from 'ws';

/** Close codes of RFC 6455 and its registry. */
export const NORMAL = 1000;
export const GOING_AWAY = 1001;
export const POLICY_VIOLATION = 1008;
export const TRY_AGAIN_LATER = 1013;

export const PING_INTERVAL_MS = 15_000;
/** A client without a pong for this long is disconnected. */
export const PONG_TIMEOUT_MS = 45_000;
/** A client with more unread bytes is disconnected unless it reads. */
export const MAX_UNREAD_BYTES = 1024 * 1024;
/** How long to wait for the client's close frame. */
const CLOSE_TIMEOUT_MS = 500;

/** Sends a close frame, and terminates the connection if the client does not answer it. */
export function closeSoon(socket: WebSocket, code: number, reason: string): void {
  socket.close(code, reason);
  const timer = setTimeout(() => socket.terminate(), CLOSE_TIMEOUT_MS);
  socket.once('close', () => clearTimeout(timer)); // otherwise it would keep the process alive
}

export function textOf(data: RawData): string {
  return bytesOf(data).toString('utf8');
}

export function bytesOf(data: RawData): Buffer {
  if (Buffer.isBuffer(data)) return data;
  return Array.isArray(data) ? Buffer.concat(data) : Buffer.from(data);
}

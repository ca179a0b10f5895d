/** Whether a process listens on a Unix socket. The kernel accepts for a busy or stopped process. */
import { connect } from 'node:net';

const PROBE_TIMEOUT_MS = 1_000;

export function isListening(socket: string): Promise<boolean> {
  return new Promise((resolve) => {
    const connection = connect(socket);
    const settle = (alive: boolean): void => {
      clearTimeout(timer);
      connection.destroy();
      resolve(alive);
    };
    // With a full backlog `connect` waits, so there is a listener, too.
    const timer = setTimeout(() => settle(true), PROBE_TIMEOUT_MS);
    connection.once('connect', () => settle(true));
    connection.once('error', (error) => settle('code' in error && error.code === 'EAGAIN'));
  });
}

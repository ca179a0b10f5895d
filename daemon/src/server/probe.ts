/** Whether somebody listens at a Unix socket. The kernel answers for a process that is busy or stopped. */
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
    // A full backlog leaves the connect waiting: that is somebody, too.
    const timer = setTimeout(() => settle(true), PROBE_TIMEOUT_MS);
    connection.once('connect', () => settle(true));
    connection.once('error', (error) => settle('code' in error && error.code === 'EAGAIN'));
  });
}

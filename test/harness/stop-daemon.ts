/** Ends the daemon of a test's home, if one runs, without the cost of another process. */
import { SottoClient } from '#daemon/client/index.js';
import type { Paths } from '#daemon/paths.js';
import { isRunning, until } from './wait.js';

export async function stopDaemon(paths: Paths): Promise<void> {
  try {
    const client = await SottoClient.connect(paths.socket, 'test');
    await client.stop();
    await until(() => !isRunning(client.daemon.pid));
  } catch {
    // None runs.
  }
}

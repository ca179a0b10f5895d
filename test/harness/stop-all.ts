/** Stops everything a test has left running in its home. */
import { SottoClient } from '#daemon/client/index.js';
import type { Paths } from '#daemon/paths.js';
import { processesOf } from './processes.js';
import { isRunning, until } from './wait.js';

/**
 * Stops the daemon, then every other process of this home. A second daemon may start late, so it repeats until none is
 * left.
 */
export async function stopAll(paths: Paths): Promise<void> {
  try {
    const client = await SottoClient.connect(paths.socket, 'test');
    await client.stop();
    await until(() => !isRunning(client.daemon.pid));
  } catch {
    // None runs.
  }
  await until(() => {
    const left = processesOf(paths.home).filter((pid) => pid !== process.pid);
    for (const pid of left) {
      try {
        process.kill(pid, 'SIGKILL');
      } catch {
        // It has already exited.
      }
    }
    return left.length === 0;
  });
}

/** Ends what a test has left running in its home, without the cost of another process. */
import { SottoClient } from '#daemon/client/index.js';
import type { Paths } from '#daemon/paths.js';
import { processesOf } from './processes.js';
import { isRunning, until } from './wait.js';

/**
 * The daemon in good order, then whatever else has this home. Of two commands that find no daemon each starts one, and the
 * later one comes up, and stays, if the first one has been stopped by then: in a home that it would make anew.
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
        // It has just ended by itself.
      }
    }
    return left.length === 0;
  });
}

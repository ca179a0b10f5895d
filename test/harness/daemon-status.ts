/** The status of the daemon, if one runs. */
import { SottoClient } from '#daemon/client/index.js';
import type { Paths } from '#daemon/paths.js';
import type { DaemonStatus } from '#daemon/protocol/index.js';

export async function daemonStatus(paths: Paths): Promise<DaemonStatus | undefined> {
  try {
    const client = await SottoClient.connect(paths.socket, 'test');
    const answer = await client.status();
    client.close();
    return answer;
  } catch {
    return undefined;
  }
}

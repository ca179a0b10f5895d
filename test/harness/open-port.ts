/** The port and token of a daemon, as programs discover them. */
import { SottoClient } from '#daemon/client/index.js';
import type { Paths } from '#daemon/paths.js';
import { discover, type Discovery } from '#daemon/store/discovery.js';

/** Opens a free port of the running daemon. */
export async function openPort(paths: Paths): Promise<Discovery> {
  const client = await SottoClient.connect(paths.socket, 'test');
  await client.serve({ do: 'start', port: 0 });
  client.close();
  return portOf(paths);
}

export function portOf({ discovery }: Paths): Discovery {
  const found = discover(discovery);
  if (found === undefined) throw new Error('no port is open');
  return found;
}

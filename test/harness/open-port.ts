/** The port of a daemon, and what it takes to be let in, as programs find it. */
import { SottoClient } from '#daemon/client/index.js';
import type { Paths } from '#daemon/paths.js';
import { discover, type Discovery } from '#daemon/store/discovery.js';

/** Opens any that is free, of a daemon that runs. */
export async function openPort(paths: Paths): Promise<Discovery> {
  const client = await SottoClient.connect(paths.socket, 'test');
  await client.serve({ do: 'start', port: 0 });
  client.close();
  return portOf(paths);
}

/** The one that is open. */
export function portOf({ discovery }: Paths): Discovery {
  const found = discover(discovery);
  if (found === undefined) throw new Error('no port is open');
  return found;
}

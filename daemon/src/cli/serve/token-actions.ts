/** `sotto token show | rotate`. Each gives the exit code of the command. */
import type { Paths } from '../../paths.js';
import { apiToken, rotateToken } from '../../store/api-token.js';
import { findDaemon } from '../daemon/start-daemon.js';

export async function showToken({ token }: Paths): Promise<number> {
  process.stdout.write(`${await apiToken(token)}\n`);
  return 0;
}

/** A daemon that runs does it itself, and goes by the new one at once. */
export async function rotate(paths: Paths): Promise<number> {
  const client = await findDaemon(paths);
  if (client === undefined) {
    await rotateToken(paths.token);
  } else {
    try {
      await client.serve({ do: 'rotate' });
    } finally {
      client.close();
    }
  }
  return showToken(paths);
}

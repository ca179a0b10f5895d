/** `sotto token show | rotate`. Each returns the exit code. */
import type { Paths } from '../../paths.js';
import { apiToken, rotateToken } from '../../store/api-token.js';
import { findDaemon } from '../daemon/start-daemon.js';

export async function showToken({ token }: Paths): Promise<number> {
  process.stdout.write(`${await apiToken(token)}\n`);
  return 0;
}

/** A running daemon rotates the token itself and applies it at once. */
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

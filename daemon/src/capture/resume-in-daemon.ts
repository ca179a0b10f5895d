import { SottoClient } from '../client/index.js';
import type { Paths } from '../paths.js';

/** Asks a running daemon to transcribe a spool. A daemon that starts later finds it by itself. */
export async function resumeInDaemon(id: string, { socket }: Paths): Promise<void> {
  const client = await SottoClient.connect(socket, 'sotto').catch(() => undefined);
  if (client?.connected !== true) return;
  await new Promise<void>((resolve) => {
    client
      .channel(id, { receive: () => resolve(), lost: () => resolve() })
      .send({ type: 'resume', id, seq: 0 });
  });
  // Without a listener the daemon finishes the session, as after a lost connection.
  client.close();
}

import { SottoClient } from '../../client/index.js';
import type { Paths } from '../../paths.js';

/** Has a daemon that runs write down what was left for the next one. One that comes later finds it by itself. */
export async function resumeInDaemon(id: string, { socket }: Paths): Promise<void> {
  const client = await SottoClient.connect(socket, 'sotto').catch(() => undefined);
  if (client?.connected !== true) return;
  await new Promise<void>((resolve) => {
    client
      .channel(id, { receive: () => resolve(), lost: () => resolve() })
      .send({ type: 'resume', id, seq: 0 });
  });
  // Nobody listens to it then: it is finished, as one whose client was lost.
  client.close();
}

/** Serves a fake launchd to a `launchctl` command in a folder, for commands in other processes. */
import { chmodSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { shellQuote } from '#launchd/agent-launcher.js';
import type { FakeLaunchd } from './fake-launchd.js';

const command = fileURLToPath(new URL('./fake-launchctl.js', import.meta.url));

export interface LaunchctlServer {
  /** Environment of those processes. */
  readonly environment: Readonly<Record<string, string>>;
  close(): Promise<void>;
}

/** @param folder a short path, because it holds a socket */
export async function serveLaunchctl(launchd: FakeLaunchd, folder: string): Promise<LaunchctlServer> {
  const path = join(folder, 'launchd');
  const server = createServer({ allowHalfOpen: true }, (socket) => {
    let request = '';
    socket.setEncoding('utf8').on('data', (text: string) => (request += text));
    socket.on('end', () => {
      void launchd
        .run('launchctl', JSON.parse(request) as string[])
        .then((result) => socket.end(JSON.stringify(result)));
    });
  });
  await new Promise<void>((resolve) => server.listen(path, resolve));
  const script = `#!/bin/sh\nexec ${shellQuote(process.execPath)} --no-warnings ${shellQuote(command)} "$@"\n`;
  writeFileSync(join(folder, 'launchctl'), script);
  chmodSync(join(folder, 'launchctl'), 0o755);
  return {
    environment: {
      FAKE_LAUNCHD: path,
      PATH: `${folder}:${process.env.PATH ?? ''}`,
      HOME: folder,
      SOTTO_SYSTEM: 'darwin',
    },
    close: () => new Promise((resolve) => server.close(() => resolve())),
  };
}

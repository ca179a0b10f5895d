/**
 * Runs Raycast's strict `ray lint` and `ray build` on the Store copy of the extension, without a network: a local server
 * answers the requests for the author and the manifest's schema. Exits with 1 if either fails.
 */
import { spawn } from 'node:child_process';
import { rmSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { delimiter, dirname, join } from 'node:path';
import { z } from 'zod';
import { whyNotBuilt } from './build-extension.js';
import { nodeForRay } from './ray-node.js';
import { linkPackages, makeStoreCopy } from './store-copy.js';
import { storeManifest } from './store-manifest.js';

async function main(): Promise<number> {
  const reason = await whyNotBuilt();
  if (reason !== undefined) throw new Error(reason);
  const node = await nodeForRay();
  const site = await answerAsRaycast();
  const folder = await makeStoreCopy();
  linkPackages(folder);
  try {
    const { port } = site.address() as AddressInfo;
    const url = `http://127.0.0.1:${port}`;
    // CI=true makes it check the lockfile, too.
    const env = { CI: 'true', RAY_APIURL: url, PATH: [node, process.env.PATH].join(delimiter) };
    const lint = await ray(folder, ['lint', '-I', '-s', `${url}/extension.json`], env);
    const build = await ray(folder, ['build', '-e', 'dist', '-o', 'dist', '-I'], env);
    return lint === 0 && build === 0 ? 0 : 1;
  } finally {
    site.close();
    rmSync(dirname(folder), { recursive: true, force: true });
  }
}

/** Serves what `ray lint` requests from Raycast's site: the author and the manifest's schema. */
function answerAsRaycast(): Promise<Server> {
  const schema = JSON.stringify(z.toJSONSchema(storeManifest, { target: 'draft-7', io: 'input' }));
  const site = createServer((request, response) => {
    const author = /^\/api\/v1\/users\/([\w-]+)$/.exec(request.url ?? '')?.[1];
    response.setHeader('content-type', 'application/json');
    response.end(author === undefined ? schema : JSON.stringify({ username: author, handle: author }));
  });
  return new Promise((resolve) => site.listen(0, '127.0.0.1', () => resolve(site)));
}

function ray(
  folder: string,
  args: readonly string[],
  env: Readonly<Record<string, string>>,
): Promise<number> {
  return new Promise((resolve, reject) => {
    const child = spawn(join(folder, 'node_modules/.bin/ray'), args, {
      cwd: folder,
      stdio: 'inherit',
      // Clear the Node options of the calling tool.
      env: { ...process.env, NODE_OPTIONS: '', NODE_ENV: 'production', ...env },
    });
    child.once('error', reject);
    child.once('exit', (code) => resolve(code ?? 1));
  });
}

try {
  process.exitCode = await main();
} catch (error) {
  console.error(error instanceof Error ? error.message : error);
  process.exitCode = 1;
}

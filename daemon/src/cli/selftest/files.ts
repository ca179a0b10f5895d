/** Step 6: whether the daemon may open files in the folders that macOS protects. */
import { copyFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { SottoClient } from '../../client/index.js';
import { SottoError } from '../../protocol/errors.js';
import { unavailable } from './ask.js';
import { macOnly, skipped, type Environment, type Step, type Verdict } from './verdict.js';

const FOLDERS = ['Desktop', 'Documents', 'Downloads'];
const LIMIT_MS = 5_000;

export const filesStep: Step = async (environment) => {
  if (environment.os !== 'darwin') return [macOnly('files')];
  let client: SottoClient | undefined;
  try {
    client = await environment.connect();
    if (client === undefined) return [skipped('files', 'no daemon runs', '`sotto daemon start`, then again')];
    const found: Verdict[] = [];
    for (const folder of FOLDERS) found.push(await tryFolder(environment, client, folder));
    return found;
  } catch (error) {
    return [unavailable('files', error)];
  } finally {
    client?.close();
  }
};

async function tryFolder(
  { home, clip, sleep }: Environment,
  client: SottoClient,
  folder: string,
): Promise<Verdict> {
  const name = `files in ${folder}`;
  const path = join(home, folder, `sotto-selftest-${process.pid}.flac`);
  try {
    await copyFile(clip.file, path);
  } catch (error) {
    return skipped(name, SottoError.from(error).message);
  }
  const stop = new AbortController();
  try {
    const answer = await Promise.race([
      opening(client, path, stop.signal),
      sleep(LIMIT_MS).then(() => 'slow' as const),
    ]);
    const facts = { folder, answer };
    if (answer === 'open') return { name, verdict: 'ok', found: 'the daemon reads them itself', facts };
    const why = answer === 'denied' ? 'the daemon may not open them' : 'macOS has not allowed them yet';
    const advice = 'allow Node in System Settings › Privacy & Security › Files and Folders';
    return { name, verdict: 'warn', found: `${why}; the client copies them`, facts, advice };
  } catch (error) {
    return unavailable(name, error);
  } finally {
    stop.abort();
    await rm(path, { force: true });
  }
}

/** How the daemon fares with a file. */
async function opening(
  client: SottoClient,
  path: string,
  signal: AbortSignal,
): Promise<'open' | 'denied' | 'slow'> {
  for await (const event of client.transcribe(path, {}, { signal })) {
    if (event.type === 'waiting' && event.for === 'file') return event.why ?? 'slow';
    if (event.type !== 'waiting') return 'open';
  }
  return 'open';
}

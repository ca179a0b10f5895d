/** Step 6: whether the daemon may open files in the folders that macOS protects. */
import { randomUUID } from 'node:crypto';
import { join } from 'node:path';
import type { SottoClient } from '../../../client/index.js';
import { SottoError } from '../../../protocol/errors.js';
import { unavailable } from '../selftest-process.js';
import { skipped, type Environment, type Step, type CheckResult } from '../check-result.js';

const FOLDERS = ['Desktop', 'Documents', 'Downloads'];
const TIMEOUT_MS = 5_000;
/**
 * Copies the file $1 to $2/$3, where $2 is a folder. A separate shell, because macOS may block it until the user
 * answers a prompt.
 */
const COPY = 'test -d "$2" || exit 9; exec cp "$1" "$2/$3"';
const NO_FOLDER = 9;

/** `hung`: macOS waits for the user to answer a prompt. */
type FileAccess = 'open' | 'denied' | 'hung';

export const filesStep: Step = async function* (environment) {
  let client: SottoClient | undefined;
  try {
    client = await environment.daemon.connect();
    for (const folder of FOLDERS) {
      if (environment.signal.aborted) return;
      yield await tryFolder(environment, client, folder);
    }
  } catch (error) {
    yield unavailable('files', error);
  } finally {
    client?.close();
  }
};

async function tryFolder(
  environment: Environment,
  client: SottoClient,
  folder: string,
): Promise<CheckResult> {
  const { home, clip, run, sleep, daemon } = environment;
  const name = `files in ${folder}`;
  const file = `sotto-selftest-${randomUUID().slice(0, 8)}.flac`;
  const path = join(home, folder, file);
  try {
    const copied = await run('/bin/sh', ['-c', COPY, 'sh', clip.file, join(home, folder), file]);
    if (copied.code === NO_FOLDER) return skipped(name, 'no such folder');
    if (copied.code !== 0) {
      const why = copied.code === -1 ? 'writing there hangs' : 'no permission';
      const advice = 'allow this terminal in System Settings › Privacy & Security › Files and Folders';
      return skipped(name, `this terminal can’t write there: ${why}`, advice, { ...copied });
    }
    const stop = new AbortController();
    const access = await Promise.race([
      accessTo(client, path, stop.signal),
      sleep(TIMEOUT_MS).then((): FileAccess => 'hung'),
    ]).finally(() => stop.abort());
    const facts = { folder, access, isAgent: daemon.isAgent };
    if (access === 'open') return { name, status: 'ok', message: 'the daemon reads them', facts };
    const why =
      access === 'denied' ? 'the daemon has no permission' : 'no answer within 5 s: macOS waits for the user';
    const advice = 'allow Node in System Settings › Privacy & Security › Files and Folders';
    return { name, status: 'warn', message: `${why}; Sotto copies such files instead`, facts, advice };
  } catch (error) {
    return unavailable(name, error);
  } finally {
    await environment.cleanUp(['/bin/rm', '-f', path]);
  }
}

/**
 * Reports whether the daemon can open a file. The request offers a copy, so that the daemon says why it can't open
 * the file; no copy is supplied, so only the file itself can open.
 * @throws SottoError of the job
 */
function accessTo(client: SottoClient, path: string, signal: AbortSignal): Promise<FileAccess> {
  return new Promise((resolve, reject) => {
    const id = `selftest-${randomUUID()}`;
    const channel = client.channel(id, {
      receive: (message) => {
        switch (message.type) {
          case 'waiting':
            if (message.for === 'file') {
              // Slow isn't a result: another message follows, or the time is up.
              if (message.why === 'denied') resolve('denied');
            } else if (message.for !== 'queue') resolve('open');
            return;
          case 'failed':
          case 'error':
            reject(SottoError.fromWire(message.error));
            return;
          default:
            resolve('open');
        }
      },
      lost: reject,
    });
    signal.addEventListener('abort', () => {
      if (client.connected) channel.send({ type: 'cancel', id });
      channel.close();
    });
    channel.send({ type: 'transcribe', id, path, options: {}, supplies: true });
  });
}

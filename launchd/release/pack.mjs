// Packs a folder into one file, reproducibly: the same content gives the same bytes.
import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { createWriteStream } from 'node:fs';
import { rename } from 'node:fs/promises';
import path from 'node:path';
import process from 'node:process';
import { pipeline } from 'node:stream/promises';
import { createGzip } from 'node:zlib';

/** npm's fixed modification time for all files. */
const FIXED_MTIME = '1985-10-26T08:15:00Z';

/**
 * Packs `folder`, which npm requires to be called `package`, into `file` (.tgz), which appears when it is complete.
 * @param level compression level, 1–9
 * @returns `{ sha256, bytes }`
 */
export async function pack(folder, file, level = 6) {
  const isGnu = process.platform === 'linux';
  const reproducible = ['--sort=name', '--owner=0', '--group=0', '--numeric-owner', `--mtime=${FIXED_MTIME}`];
  const args = [
    '-C',
    path.dirname(folder),
    ...(isGnu ? reproducible : []),
    '-cf',
    '-',
    path.basename(folder),
  ];
  const tar = spawn('tar', args, {
    stdio: ['ignore', 'pipe', 'inherit'],
    env: { ...process.env, COPYFILE_DISABLE: '1' },
  });
  const ended = new Promise((resolve, reject) => {
    tar.on('error', reject);
    tar.on('close', (code) => (code === 0 ? resolve() : reject(new Error(`tar ended with ${code}`))));
  });
  const hash = createHash('sha256');
  let bytes = 0;
  const draft = `${file}.part`;
  await Promise.all([
    ended,
    pipeline(
      tar.stdout,
      createGzip({ level }),
      async function* (chunks) {
        for await (const chunk of chunks) {
          hash.update(chunk);
          bytes += chunk.length;
          yield chunk;
        }
      },
      createWriteStream(draft),
    ),
  ]);
  await rename(draft, file);
  return { sha256: hash.digest('hex'), bytes };
}

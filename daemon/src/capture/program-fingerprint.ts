/** Detects that a running process is outdated, because an upgrade has replaced its program on disk. */
import { statSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { packageRoot } from '../paths.js';

const FILES = [join(packageRoot, 'package.json'), fileURLToPath(import.meta.url)];

/** Changes when the program is replaced. */
export function programFingerprint(): string {
  return FILES.map((file) => {
    const stats = statSync(file, { throwIfNoEntry: false });
    return stats === undefined ? 'gone' : [stats.ino, stats.size, stats.mtimeMs].join(':');
  }).join(' ');
}

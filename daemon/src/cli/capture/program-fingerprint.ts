/** Whether the program that a process runs is still the one on the disk: after an upgrade a process that stays is an old one. */
import { statSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { packageRoot } from '../../paths.js';

const FILES = [join(packageRoot, 'package.json'), fileURLToPath(import.meta.url)];

/** Differs once the program was replaced. */
export function programFingerprint(): string {
  return FILES.map((file) => {
    const stats = statSync(file, { throwIfNoEntry: false });
    return stats === undefined ? 'gone' : [stats.ino, stats.size, stats.mtimeMs].join(':');
  }).join(' ');
}

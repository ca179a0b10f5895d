/** Opus and DNSMOS, by test/reference/codec-quality.py. */
import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';

import { root } from './clips.js';

const PYTHON = join(root, 'test/reference/.venv-mos/bin/python');

/** Instructions if it is not set up, or undefined. */
export const missingRatings = (): string | undefined =>
  existsSync(PYTHON) ? undefined : 'run test/reference/setup.sh mos';

/** Results of codec-quality.py, one for each job. */
export function run<T>(jobs: readonly object[]): T[] {
  const input = jobs.map((job) => `${JSON.stringify(job)}\n`).join('');
  const script = join(root, 'test/reference/codec-quality.py');
  const { status, stdout, stderr } = spawnSync(PYTHON, [script], { input, encoding: 'utf8' });
  const lines = stdout.split('\n').filter((line) => line !== '');
  if (status !== 0 || lines.length !== jobs.length) throw new Error(`codec-quality.py failed: ${stderr}`);
  return lines.map((line) => JSON.parse(line) as T);
}

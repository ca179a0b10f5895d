/** The report file. */
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { reportOf, writeReport } from '#daemon/cli/selftest/selftest-report.js';

let folder = '';
beforeEach(() => void (folder = mkdtempSync(join(tmpdir(), 'so-'))));
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const report = reportOf(
  new Date('2026-11-23T05:06:07Z'),
  [
    {
      step: 'system',
      name: 'system',
      status: 'ok',
      message: 'a “Mac”',
      facts: { error: NaN, path: '/Users/ann/bin/node' },
    },
  ],
  '/Users/ann',
);

test('is valid JSON, and never replaces another file', async () => {
  const first = join(folder, 'sotto-selftest-2026-11-23.json');
  writeFileSync(first, 'mine');
  const paths = [await writeReport(report, [folder]), await writeReport(report, [folder])];
  expect(paths).toEqual(
    ['sotto-selftest-2026-11-23-2.json', 'sotto-selftest-2026-11-23-3.json'].map((name) =>
      join(folder, name),
    ),
  );
  expect(readFileSync(first, 'utf8')).toBe('mine');
  expect(JSON.parse(readFileSync(paths[0] ?? '', 'utf8'))).toMatchObject({
    at: '2026-11-23T05:06:07.000Z',
    checks: [{ step: 'system', message: 'a “Mac”', facts: { error: null, path: '~/bin/node' } }],
  });
  expect(readdirSync(folder)).toHaveLength(3);
});

test('goes into the next folder if the first one isn’t writable, and fails if none is', async () => {
  const missing = join(folder, 'none');
  expect(await writeReport(report, [missing, folder])).toBe(join(folder, 'sotto-selftest-2026-11-23.json'));
  await expect(writeReport(report, [missing])).rejects.toMatchObject({ code: 'OUTPUT_FAILED' });
});

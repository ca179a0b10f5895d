import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from '@jest/globals';
import { packageRoot } from '#daemon/paths.js';
import { skippedSummary } from '#test/harness/skipping-summary.js';

const results = (...tests: [status: string, fullName: string][]) => ({
  testResults: [{ assertionResults: tests.map(([status, fullName]) => ({ status, fullName })) }],
});

describe('the summary of skipped tests', () => {
  test('counts them by reason, with the details of each once', () => {
    const report = results(
      ['passed', 'adds'],
      ['pending', 'suite [skipped: no weights: base] adds'],
      ['pending', 'suite [skipped: no weights: base] takes away'],
      ['pending', 'one [skipped: no weights: tiny]'],
      ['pending', 'another [skipped: root]'],
      ['pending', 'left out'],
      ['todo', 'divides'],
    );
    expect(skippedSummary(report)).toEqual([
      'Skipped tests by reason (6):',
      '     3  no weights (base; tiny)',
      '     1  no reason given',
      '     1  root',
      '     1  todo',
    ]);
  });

  test('says nothing where every test ran', () => {
    expect(skippedSummary(results(['passed', 'adds'], ['failed', 'divides']))).toEqual([]);
  });
});

/** A run of Jest of its own: a suite, a test, a table and a single test that are skipped, and a test that runs. */
const SUITE = `
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from '@jest/globals';
import { packageRoot } from '#daemon/paths.js';
import { describeUnless, skippedTest, testUnless } from '#test/harness/skipping.js';
describeUnless('no model: base')('a suite', () => {
  test('of one', () => expect(1).toBe(2));
  describe('and a part', () => test.each([1, 2])('of %i', (n) => expect(n).toBe(3)));
});
describeUnless('no model: 100% of tiny').each(['a', 'b'])('suite %s', () => test('of one', () => expect(1).toBe(2)));
testUnless('root').each([1, 2, 3])('is %i', (n) => expect(n).toBe(0));
testUnless('root')('is none', () => expect(1).toBe(0));
skippedTest('is not there', 'no clip');
testUnless(undefined).each([1, 2])('runs: %i', (n) => expect(n).toBeGreaterThan(0));
describeUnless(undefined)('a suite that runs', () => test('of one', () => expect(1).toBe(1)));
`;

test('a run of Jest ends with the reasons of what it skipped', () => {
  const folder = mkdtempSync(join(packageRoot, 'dist/test/.skip-'));
  try {
    writeFileSync(join(folder, 'a.test.js'), SUITE);
    const reporter = join(packageRoot, 'dist/test/harness/skip-reporter.js');
    const config = {
      rootDir: folder,
      testEnvironment: 'node',
      transform: {},
      reporters: ['default', reporter],
    };
    const jest = join(packageRoot, 'node_modules/jest/bin/jest.js');
    const args = ['--experimental-vm-modules', '--no-warnings', jest, '--config', JSON.stringify(config)];
    const { status, stderr } = spawnSync(process.execPath, args, { cwd: folder, encoding: 'utf8' });
    expect(stderr).toContain('10 skipped, 3 passed, 13 total');
    expect(stderr).toMatch(
      /\nSkipped tests by reason \(10\):\n {5}5 {2}no model \(base; 100% of tiny\)\n {5}4 {2}root\n {5}1 {2}no clip\n/,
    );
    expect(status).toBe(0);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
});

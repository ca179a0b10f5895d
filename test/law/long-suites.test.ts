/** The suites that only `npm run test:long` runs: none is forgotten, and none is named that is not there. */
import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { expect, test } from '@jest/globals';

const root = path.resolve(import.meta.dirname, '../../..');
const long = JSON.parse(readFileSync(path.join(root, 'test/suites/long-suites.json'), 'utf8')) as string[];

test('each is there, once and in order', () => {
  expect(long.filter((suite) => !existsSync(path.join(root, 'test', suite)))).toEqual([]);
  expect([...new Set(long)].sort()).toEqual(long);
});

test('CI runs both parts', () => {
  const { scripts } = JSON.parse(readFileSync(path.join(root, 'package.json'), 'utf8')) as {
    scripts: Record<string, string>;
  };
  expect(scripts['test']).toContain('test/suites/quick.config.mjs');
  expect(scripts['test:long']).toContain('test/suites/long.config.mjs');
  const ci = readFileSync(path.join(root, '.ci/run'), 'utf8');
  expect(ci).toMatch(/npm test -- /);
  expect(ci).toMatch(/npm run test:long -- /);
});

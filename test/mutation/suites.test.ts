import { expect, test } from '@jest/globals';
import { Importers, roomFolder, ROOMS, sourcesIn } from './suites.js';

const importers = new Importers();

test('a file’s own suite comes first, and all suites belong to its room', () => {
  const suites = importers.suitesOf('daemon/src/supervisor/hang-watch.ts', 'supervisor');
  expect(suites[0]).toBe('test/supervisor/hang-watch.test.ts');
  expect(suites).toContain('test/supervisor/supervisor.test.ts');
  expect(suites.filter((suite) => !suite.startsWith('test/supervisor/'))).toEqual([]);
});

test.each(ROOMS)('every file of %s has a suite', (room) => {
  const files = sourcesIn(roomFolder(room));
  const uncovered = files.filter((file) => importers.suitesOf(file, room).length === 0);
  expect(files.length).toBeGreaterThan(5);
  expect(uncovered).toEqual([]);
});

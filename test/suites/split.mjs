/**
 * `npm test` runs after each change and takes under 5 minutes on two cores. `long-suites.json` lists the suites that take
 * more than about 10 s each; `npm run test:long` runs those, and `.ci/run` both.
 */
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import base from '../../jest.config.js';

const long = JSON.parse(readFileSync(new URL('long-suites.json', import.meta.url), 'utf8'));
const compiled = long.map((suite) => `/dist/test/${suite.replace(/\.ts$/, '.js')}`);
const rootDir = fileURLToPath(new URL('../..', import.meta.url));

/** @param part 'quick' or 'long' */
export function configOf(part) {
  const all = { ...base, rootDir };
  return part === 'long'
    ? { ...all, testMatch: compiled.map((file) => `**${file}`) }
    : { ...all, testPathIgnorePatterns: compiled.map((file) => `${file.replaceAll('.', '\\.')}$`) };
}

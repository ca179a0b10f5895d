/** Expects the error of an unusable path: one coded line that names it once. */
import { expect } from '@jest/globals';
import type { SottoResult } from './run-sotto.js';

export const WHY = {
  loop: 'its symbolic links form a loop',
  long: 'its name is too long',
  below: 'part of its path is not a folder',
  denied: 'permission denied',
} as const;

/** Paths that no user can open on any system. */
export const ALWAYS_REFUSED = ['loop', 'long', 'below'] as const;

/** Expects one line that names `path` once and the reason. */
export function expectLine(
  { code, stderr }: Pick<SottoResult, 'code' | 'stderr'>,
  exitCode: number,
  path: string,
  why: string,
): void {
  expect(stderr).toContain(why);
  expect(stderr.trimEnd().split('\n')).toHaveLength(1);
  expectNoBug(stderr);
  expect(stderr.split(path.slice(0, 150))).toHaveLength(2);
  expect(code).toBe(exitCode);
}

/** Expects neither a stack trace nor a system error name. */
export function expectNoBug(stderr: string): void {
  expect(stderr).not.toMatch(/bug in Sotto|^ +at |ENO|EL?OO|EACC/m);
}

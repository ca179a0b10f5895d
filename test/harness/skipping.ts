/**
 * The only way to skip a test. The reason goes into the title, so every reporter shows it; skip-reporter.ts counts
 * tests by reason. A reason is `what is missing: details`; the part before the colon groups tests.
 * `test/law/skipping.test.ts` enforces this.
 */
import { networkInterfaces } from 'node:os';
import { describe, test } from '@jest/globals';

/** Why a test can't run here; undefined if it can. */
export type Missing = string | undefined;

/** `describe`, skipped with the reason if something is missing. */
export function describeUnless(missing: Missing): typeof describe {
  return missing === undefined ? describe : withReason(describe, missing);
}

/** `test`, skipped with the reason if something is missing. */
export function testUnless(missing: Missing): typeof test {
  return missing === undefined ? test : withReason(test, missing);
}

/** Counts a test that can't be written without what is missing. */
export function skippedTest(title: string, missing: string): void {
  testUnless(missing)(title, () => {
    throw new Error(`this test must be skipped: ${missing}`);
  });
}

/** Why `::1` is not available. */
export const noIpv6: Missing = Object.values(networkInterfaces()).some((own) =>
  own?.some(({ address }) => address === '::1'),
)
  ? undefined
  : 'no IPv6: this machine has no ::1';

type Body = (...args: unknown[]) => unknown;
type Skip = (title: string, body: Body, timeoutMs?: number) => void;

interface Runner {
  readonly skip: unknown;
}

function withReason<T extends Runner>(runner: T, missing: string): T {
  const skip = runner.skip as Skip & { each(table: unknown): Skip };
  const mark = ` [skipped: ${missing.replaceAll(/\s+/g, ' ').trim()}]`;
  const skipped: Skip = (title, body, timeoutMs) => skip(title + mark, body, timeoutMs);
  const each =
    (table: unknown): Skip =>
    (title, body, timeoutMs) =>
      // Titles of `each` are format strings.
      skip.each(table)(title + mark.replaceAll('%', '%%'), body, timeoutMs);
  return Object.assign(skipped, { each }) as unknown as T;
}

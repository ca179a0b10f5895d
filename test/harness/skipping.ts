/**
 * The one way in which a test is skipped. The reason stands in the title, so every reporter carries it; skip-reporter.ts counts
 * the tests of each reason at the end of a run. A reason is `what is missing: details`; tests are grouped by what precedes the
 * colon. `test/law/skipping.test.ts` holds that no test is skipped in another way.
 */
import { networkInterfaces } from 'node:os';
import { describe, test } from '@jest/globals';

/** Why a test can't run here; undefined where it can. */
export type Missing = string | undefined;

/** `describe` where nothing is missing; otherwise its tests are skipped, with the reason. */
export function describeUnless(missing: Missing): typeof describe {
  return missing === undefined ? describe : withReason(describe, missing);
}

/** `test` where nothing is missing; otherwise the test is skipped, with the reason. */
export function testUnless(missing: Missing): typeof test {
  return missing === undefined ? test : withReason(test, missing);
}

/** A test that can't even be written down without what is missing, so that it is counted. */
export function skippedTest(title: string, missing: string): void {
  testUnless(missing)(title, () => {
    throw new Error(`this test must be skipped: ${missing}`);
  });
}

/** Why nothing can listen at `::1`. */
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
      // A title of `each` is a format.
      skip.each(table)(title + mark.replaceAll('%', '%%'), body, timeoutMs);
  return Object.assign(skipped, { each }) as unknown as T;
}

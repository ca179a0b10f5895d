/** The order of the steps, and steps that hang, throw or are interrupted. */
import { describe, expect, test } from '@jest/globals';
import { runSteps, type TimedStep } from '#daemon/cli/selftest/run-steps.js';
import { STEPS } from '#daemon/cli/selftest/run-selftest.js';
import type { Environment, Step, CheckResult } from '#daemon/cli/selftest/check-result.js';
import { SottoError } from '#daemon/protocol/errors.js';
import { fakeDaemon, fakeMac, named } from './fake-mac.js';

const good = (name: string): CheckResult => ({ name, status: 'ok', message: 'well', facts: {} });
const environment = (signal: AbortSignal): Environment => fakeMac('/none', '/none', { signal });
const timed = (name: string, step: Step, limitMs = 60_000): TimedStep => ({ name, step, limitMs });

/** Yields one check, then waits for its signal or forever; records that it has cleaned up. */
function hanging(obeysSignal: boolean, cleaned: string[] = []): Step {
  return async function* ({ signal }) {
    try {
      yield good('before');
      await new Promise<void>((resolve) => {
        if (obeysSignal) signal.addEventListener('abort', () => resolve());
      });
      yield good('after');
    } finally {
      cleaned.push('cleaned');
    }
  };
}

describe('runSteps', () => {
  test('a step that hangs fails, its earlier checks stay, and the next one runs', async () => {
    const cleaned: string[] = [];
    const next: Step = async function* () {
      yield await Promise.resolve(good('next'));
    };
    const steps = [timed('first', hanging(true, cleaned), 20), timed('second', next)];
    const checks = await runSteps(steps, environment, () => undefined);
    expect(checks.map(({ step, name, status }) => [step, name, status])).toEqual([
      ['first', 'before', 'ok'],
      ['first', 'first', 'failed'],
      ['second', 'next', 'ok'],
    ]);
    expect(cleaned).toEqual(['cleaned']);
  });

  test('a step that ignores its signal delays the others only for the clean-up time', async () => {
    const checks = await runSteps([timed('deaf', hanging(false), 10)], environment, () => undefined);
    expect(checks.map(({ name, status }) => `${name} ${status}`)).toEqual(['before ok', 'deaf failed']);
  });

  test('an error of a step is a failed check', async () => {
    // eslint-disable-next-line require-yield
    const throwing: Step = async function* () {
      await Promise.reject(new SottoError('ENGINE_CRASHED', 'killed by SIGABRT'));
    };
    const checks = await runSteps([timed('broken', throwing)], environment, () => undefined);
    expect(checks).toMatchObject([
      { name: 'broken', status: 'failed', message: 'killed by SIGABRT', facts: { code: 'ENGINE_CRASHED' } },
    ]);
  });

  test('after Ctrl-C the current step cleans up, and no other one starts', async () => {
    const [cleaned, interrupt] = [[] as string[], new AbortController()];
    const steps = [timed('first', hanging(true, cleaned)), timed('second', hanging(true, cleaned))];
    const checks = await runSteps(steps, environment, () => interrupt.abort(), interrupt.signal);
    expect(checks.map(({ name }) => name)).toEqual(['before']);
    expect(cleaned).toEqual(['cleaned']);
  });

  test('each check is reported once, in order; a crashing device is a check of its steps', async () => {
    const send = () => Promise.reject(new SottoError('ENGINE_CRASHED', 'killed by SIGABRT'));
    const daemon = fakeDaemon({ connect: send });
    const reported: string[] = [];
    const checks = await runSteps(
      STEPS,
      (signal) => fakeMac('/none', '/none', { send, daemon, signal }),
      ({ name }) => reported.push(name),
    );
    for (const name of ['load', 'numbers', 'encoder', 'speed', 'leaks', 'files', 'dictation'])
      expect(named(checks, name)).toMatchObject({ status: 'failed', facts: { code: 'ENGINE_CRASHED' } });
    expect(named(checks, 'teardown')?.status).toBe('ok');
    expect(reported).toEqual(checks.map(({ name }) => name));
    expect([...new Set(checks.map(({ step }) => step))]).toEqual(STEPS.map(({ name }) => name));
  });

  test('all limits together are less than 3 minutes', () => {
    expect(STEPS.reduce((sum, { limitMs }) => sum + limitMs, 0)).toBeLessThan(180_000);
  });
});

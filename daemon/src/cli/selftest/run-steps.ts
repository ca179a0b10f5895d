/** Runs one step after another with a time limit: a step that hangs is a failed check, and the next one runs. */
import { SottoError } from '../../protocol/errors.js';
import { unavailable } from './selftest-process.js';
import type { Environment, Step, CheckResult } from './check-result.js';

export interface TimedStep {
  readonly name: string;
  readonly step: Step;
  readonly limitMs: number;
}

export interface StepCheck extends CheckResult {
  readonly step: string;
}

/** How long a step may clean up after its time is up. */
const CLEAN_UP_TIMEOUT_MS = 3_000;

/**
 * @param environmentUntil creates the environment of a step; the signal ends what it runs
 * @param interrupt the user interrupts the test: the current step cleans up, and no other one starts
 */
export async function runSteps(
  steps: readonly TimedStep[],
  environmentUntil: (signal: AbortSignal) => Environment,
  onCheck: (check: StepCheck) => void,
  interrupt: AbortSignal = new AbortController().signal,
): Promise<StepCheck[]> {
  const all: StepCheck[] = [];
  for (const { name, step, limitMs } of steps) {
    if (interrupt.aborted) break;
    const timeUp = new AbortController();
    const timer = setTimeout(() => timeUp.abort(), limitMs);
    const signal = AbortSignal.any([interrupt, timeUp.signal]);
    const report = (result: CheckResult): void => {
      const check = { step: name, ...result };
      all.push(check);
      onCheck(check);
    };
    try {
      await follow(step(environmentUntil(signal)), signal, report);
      if (timeUp.signal.aborted) report(overdue(name, limitMs));
    } catch (error) {
      if (!interrupt.aborted)
        report(timeUp.signal.aborted ? overdue(name, limitMs) : unavailable(name, error));
    } finally {
      clearTimeout(timer);
    }
  }
  return all;
}

/** Reports each check until the step ends or the signal is aborted. Failures caused by the signal aren't reported. */
async function follow(
  checks: AsyncGenerator<CheckResult, void>,
  signal: AbortSignal,
  report: (check: CheckResult) => void,
): Promise<void> {
  const aborted = new Promise<'aborted'>((resolve) => {
    signal.addEventListener('abort', () => resolve('aborted'), { once: true });
  });
  for (;;) {
    if (signal.aborted) {
      await Promise.race([checks.return(), pause(CLEAN_UP_TIMEOUT_MS)]);
      return;
    }
    const next = checks.next();
    const result = await Promise.race([next, aborted]);
    if (result === 'aborted') {
      // The step's `finally` runs once its pending work has been aborted.
      const cleaned = next.catch(() => undefined).then(() => checks.return());
      await Promise.race([cleaned.catch(() => undefined), pause(CLEAN_UP_TIMEOUT_MS)]);
      return;
    }
    if (result.done === true) return;
    report(result.value);
  }
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms).unref());
}

function overdue(name: string, limitMs: number): CheckResult {
  const error = new SottoError('INTERNAL', `timed out after ${Math.round(limitMs / 1000)} s`, {
    hint: 'close other programs and run it again; if it still fails, send in the JSON of this test',
  });
  return { ...unavailable(name, error), facts: { limitMs } };
}

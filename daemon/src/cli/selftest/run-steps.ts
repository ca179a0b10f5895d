/** One step after another, each with an end: a step that hangs is a failed verdict, and the next one runs. */
import { SottoError } from '../../protocol/errors.js';
import { unavailable } from './selftest-process.js';
import type { Environment, Step, CheckResult } from './check-result.js';

export interface TimedStep {
  readonly name: string;
  readonly step: Step;
  readonly limitMs: number;
}

export interface StepCheck extends CheckResult {
  /** The name of the step. */
  readonly step: string;
}

/** How long a step may take to clean up once its time is over. */
const CLEAN_UP_TIMEOUT_MS = 3_000;

/**
 * @param environmentUntil the machine for a step, whose signal ends what it runs
 * @param interrupt the user ends the test: the step in work cleans up, and no other one begins
 */
export async function runSteps(
  steps: readonly TimedStep[],
  environmentUntil: (signal: AbortSignal) => Environment,
  onCheck: (found: StepCheck) => void,
  interrupt: AbortSignal = new AbortController().signal,
): Promise<StepCheck[]> {
  const all: StepCheck[] = [];
  for (const { name, step, limitMs } of steps) {
    if (interrupt.aborted) break;
    const timeUp = new AbortController();
    const timer = setTimeout(() => timeUp.abort(), limitMs);
    const signal = AbortSignal.any([interrupt, timeUp.signal]);
    const report = (status: CheckResult): void => {
      const found = { step: name, ...status };
      all.push(found);
      onCheck(found);
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

/** Tells each verdict, until the step is over or the signal comes. What fails because of the signal is no verdict. */
async function follow(
  checks: AsyncGenerator<CheckResult, void>,
  signal: AbortSignal,
  report: (status: CheckResult) => void,
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
      // Its `finally` runs once what it waits for has been ended.
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
  const error = new SottoError('INTERNAL', `it was not over after ${Math.round(limitMs / 1000)} s`, {
    hint: 'close other programs and run it again; otherwise send in the JSON of this test',
  });
  return { ...unavailable(name, error), facts: { limitMs } };
}

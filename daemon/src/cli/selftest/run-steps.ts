/** One step after another, each with an end: a step that hangs is a failed verdict, and the next one runs. */
import { SottoError } from '../../protocol/errors.js';
import { unavailable } from './ask.js';
import type { Environment, Step, Verdict } from './verdict.js';

export interface TimedStep {
  readonly name: string;
  readonly step: Step;
  readonly limitMs: number;
}

export interface Found extends Verdict {
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
  onFound: (found: Found) => void,
  interrupt: AbortSignal = new AbortController().signal,
): Promise<Found[]> {
  const all: Found[] = [];
  for (const { name, step, limitMs } of steps) {
    if (interrupt.aborted) break;
    const timeUp = new AbortController();
    const timer = setTimeout(() => timeUp.abort(), limitMs);
    const signal = AbortSignal.any([interrupt, timeUp.signal]);
    const say = (verdict: Verdict): void => {
      const found = { step: name, ...verdict };
      all.push(found);
      onFound(found);
    };
    try {
      await follow(step(environmentUntil(signal)), signal, say);
      if (timeUp.signal.aborted) say(overdue(name, limitMs));
    } catch (error) {
      if (!interrupt.aborted) say(timeUp.signal.aborted ? overdue(name, limitMs) : unavailable(name, error));
    } finally {
      clearTimeout(timer);
    }
  }
  return all;
}

/** Tells each verdict, until the step is over or the signal comes. What fails because of the signal is no verdict. */
async function follow(
  verdicts: AsyncGenerator<Verdict, void>,
  signal: AbortSignal,
  say: (verdict: Verdict) => void,
): Promise<void> {
  const aborted = new Promise<'aborted'>((resolve) => {
    signal.addEventListener('abort', () => resolve('aborted'), { once: true });
  });
  for (;;) {
    if (signal.aborted) {
      await Promise.race([verdicts.return(), pause(CLEAN_UP_TIMEOUT_MS)]);
      return;
    }
    const next = verdicts.next();
    const result = await Promise.race([next, aborted]);
    if (result === 'aborted') {
      // Its `finally` runs once what it waits for has been ended.
      const cleaned = next.catch(() => undefined).then(() => verdicts.return());
      await Promise.race([cleaned.catch(() => undefined), pause(CLEAN_UP_TIMEOUT_MS)]);
      return;
    }
    if (result.done === true) return;
    say(result.value);
  }
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms).unref());
}

function overdue(name: string, limitMs: number): Verdict {
  const error = new SottoError('INTERNAL', `it was not over after ${Math.round(limitMs / 1000)} s`, {
    hint: 'close other programs and run it again; otherwise send in the JSON of this test',
  });
  return { ...unavailable(name, error), facts: { limitMs } };
}

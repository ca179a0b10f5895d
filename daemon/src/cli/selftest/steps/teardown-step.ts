/**
 * Step 8: whether the engine's processes exit cleanly while work is queued, and an unloaded model leaves nothing in
 * memory.
 */
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { sendFor, unavailable } from '../selftest-process.js';
import type { Environment, Exit, Step, CheckResult } from '../check-result.js';

const EXITS = 20;
const AT_ONCE = 4;
/** macOS writes a crash report a moment after the process has exited. */
const CRASH_REPORT_DELAY_MS = 1_000;

export const teardownStep: Step = async function* (environment) {
  try {
    yield await exits(environment);
  } catch (error) {
    yield unavailable('teardown', error);
  }
  try {
    yield await leaks(environment);
  } catch (error) {
    yield unavailable('leaks', error);
  }
};

async function exits({ os, home, exitBusy, signal, sleep }: Environment): Promise<CheckResult> {
  const before = await crashReports(home);
  const all: Exit[] = [];
  while (all.length < EXITS && !signal.aborted)
    all.push(...(await Promise.all(Array.from({ length: AT_ONCE }, exitBusy))));
  if (os === 'darwin') await sleep(CRASH_REPORT_DELAY_MS);
  const bad = all.filter(({ code }) => code !== 0);
  const reports = (await crashReports(home)).filter((name) => !before.includes(name));
  const facts = { exits: all.length, bad, reports };
  if (bad.length === 0 && reports.length === 0)
    return {
      name: 'teardown',
      status: 'ok',
      message: `${all.length} exits with work queued, no crash`,
      facts,
    };
  const message = `${bad.length} of ${all.length} exits failed, ${reports.length} crash reports`;
  const advice = 'send in the JSON of this test and the newest crash report';
  return { name: 'teardown', status: 'failed', message, facts, advice };
}

async function leaks(environment: Environment): Promise<CheckResult> {
  const { model, clip } = environment;
  const request = { type: 'leaks', dir: model.dir, clip: clip.file } as const;
  const { facts } = await sendFor(environment, request, 'leaks');
  const { arrays } = facts;
  if (arrays === 0)
    return { name: 'leaks', status: 'ok', message: 'an unloaded model leaves no arrays', facts };
  const message = `an unloaded model leaves ${arrays} arrays`;
  return { name: 'leaks', status: 'failed', message, facts, advice: 'send in the JSON of this test' };
}

/** macOS writes one for each process that crashes; other systems have no such folder. */
async function crashReports(home: string): Promise<string[]> {
  const all = await readdir(join(home, 'Library', 'Logs', 'DiagnosticReports')).catch(() => []);
  return all.filter((name) => name.startsWith('node'));
}

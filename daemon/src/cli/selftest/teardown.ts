/** Step 8: whether the engine's processes end cleanly while work is queued. */
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { unavailable } from './ask.js';
import type { Exit, Step } from './verdict.js';

const EXITS = 20;

export const teardownStep: Step = async (environment) => {
  try {
    const before = await crashReports(environment.home);
    const bad: Exit[] = [];
    for (let i = 0; i < EXITS; i++) {
      const exit = await environment.exitBusy();
      if (exit.code !== 0) bad.push(exit);
    }
    const reports = (await crashReports(environment.home)).filter((name) => !before.includes(name));
    const facts = { exits: EXITS, bad, reports };
    if (bad.length === 0 && reports.length === 0)
      return [{ name: 'teardown', verdict: 'ok', found: `${EXITS} exits with work queued, no crash`, facts }];
    const found = `${bad.length} of ${EXITS} exits failed, ${reports.length} crash reports`;
    const advice = 'send in the JSON of this test and the newest crash report';
    return [{ name: 'teardown', verdict: 'failed', found, facts, advice }];
  } catch (error) {
    return [unavailable('teardown', error)];
  }
};

/** macOS writes one for each process that crashes; elsewhere the folder is not there. */
async function crashReports(home: string): Promise<string[]> {
  const all = await readdir(join(home, 'Library', 'Logs', 'DiagnosticReports')).catch(() => []);
  return all.filter((name) => name.startsWith('node'));
}

/**
 * Step 7: whether the user's login agent runs; whether an agent starts, comes back after a crash and leaves (one of the test's
 * own, so that nothing that the user waits for is ended); and a dictation through it.
 */
import { unavailable } from '../selftest-process.js';
import { dictationChecks } from './dictation-checks.js';
import { macOnly, skipped, type Environment, type Step, type CheckResult } from '../check-result.js';

/** launchd waits 10 s between two starts. */
const MAX_RESTART_MS = 12_000;

export const agentStep: Step = async function* (environment) {
  const { daemon } = environment;
  yield await loginAgent(environment);
  try {
    const startSeconds = await daemon.start();
    const found = `answers ${startSeconds.toFixed(1)} s after its start`;
    const name = daemon.isAgent ? 'bootstrap' : 'daemon';
    yield { name, status: 'ok', found, facts: { startSeconds, isAgent: daemon.isAgent } };
  } catch (error) {
    yield unavailable('bootstrap', error);
    return;
  }
  try {
    yield* dictationChecks(environment);
  } catch (error) {
    yield unavailable('dictation', error);
  }
  try {
    yield daemon.isAgent ? await crash(environment) : macOnly('crash');
  } catch (error) {
    yield unavailable('crash', error);
  }
  yield await end(environment);
};

async function loginAgent({ os, agent }: Environment): Promise<CheckResult> {
  const name = 'login agent';
  if (os !== 'darwin') return macOnly(name);
  try {
    const { installed, state, pid, lastFailure, file } = await agent();
    const facts = { installed, state, pid, lastFailure, file };
    if (installed === 'no')
      return skipped(name, 'not installed', '`sotto agent install` starts Sotto at login', facts);
    if (state !== 'running') {
      const advice = 'start it with `sotto agent start`; agent.log shows why it ended';
      return { name, status: 'failed', found: 'installed, not running', facts, advice };
    }
    if (installed === 'outdated') {
      const found = 'runs, as another version installed it';
      return { name, status: 'warn', found, facts, advice: 'update it with `sotto agent install`' };
    }
    return { name, status: 'ok', found: `runs (pid ${pid ?? 'unknown'})`, facts };
  } catch (error) {
    return unavailable(name, error);
  }
}

async function crash({ daemon }: Environment): Promise<CheckResult> {
  const name = 'crash';
  const backSeconds = await daemon.killAndWait(MAX_RESTART_MS);
  if (backSeconds === undefined)
    return {
      ...{ name, status: 'failed', facts: { limitMs: MAX_RESTART_MS } },
      found: 'the agent did not come back within 12 s after it was killed',
      advice: 'send in the JSON of this test',
    };
  const found = `back ${backSeconds.toFixed(1)} s after it was killed`;
  return { name, status: 'ok', found, facts: { backSeconds } };
}

async function end({ daemon }: Environment): Promise<CheckResult> {
  const name = daemon.isAgent ? 'bootout' : 'daemon’s end';
  const left = await daemon.stop();
  if (left === undefined) return skipped(name, 'nothing was started');
  const facts = { ...left };
  const what = [
    ...(left.processes.length > 0 ? [`${left.processes.length} processes`] : []),
    ...(left.socket ? ['its socket'] : []),
    ...(left.home ? ['its files'] : []),
  ];
  if (what.length === 0) return { name, status: 'ok', found: 'no process, socket or file is left', facts };
  const advice = 'send in the JSON of this test';
  return { name, status: 'failed', found: `left behind: ${what.join(', ')}`, facts, advice };
}

/**
 * Step 7: whether the user's login agent is running; whether an agent starts, restarts after a crash and stops (the
 * test's own agent, so that nothing of the user's is stopped); and a dictation through it.
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
    const message = `started in ${startSeconds.toFixed(1)} s`;
    const name = daemon.isAgent ? 'bootstrap' : 'daemon';
    yield { name, status: 'ok', message, facts: { startSeconds, isAgent: daemon.isAgent } };
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
      const advice = 'start it with `sotto agent start`; agent.log shows why it exited';
      return { name, status: 'failed', message: 'installed, but not running', facts, advice };
    }
    if (installed === 'outdated') {
      const message = 'running, but installed by another version';
      return { name, status: 'warn', message, facts, advice: 'update it with `sotto agent install`' };
    }
    return { name, status: 'ok', message: `runs (pid ${pid ?? 'unknown'})`, facts };
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
      message: 'the agent did not restart within 12 s after a kill',
      advice: 'send in the JSON of this test',
    };
  const message = `restarted in ${backSeconds.toFixed(1)} s after a kill`;
  return { name, status: 'ok', message, facts: { backSeconds } };
}

async function end({ daemon }: Environment): Promise<CheckResult> {
  const name = daemon.isAgent ? 'bootout' : 'daemon stop';
  const left = await daemon.stop();
  if (left === undefined) return skipped(name, 'nothing was started');
  const facts = { ...left };
  const what = [
    ...(left.processes.length > 0 ? [`${left.processes.length} processes`] : []),
    ...(left.socket ? ['its socket'] : []),
    ...(left.home ? ['its files'] : []),
  ];
  if (what.length === 0) return { name, status: 'ok', message: 'no process, socket or file is left', facts };
  const advice = 'send in the JSON of this test';
  return { name, status: 'failed', message: `left behind: ${what.join(', ')}`, facts, advice };
}

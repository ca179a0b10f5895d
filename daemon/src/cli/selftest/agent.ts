/** Step 7: whether the login agent runs, and comes back after a crash. */
import { LABEL } from '#launchd/agent.js';
import { unavailable } from './ask.js';
import { macOnly, skipped, type Step } from './verdict.js';

const BACK_WITHIN_MS = 12_000;
const LOOK_EVERY_MS = 250;

export const agentStep: Step = async (environment) => {
  const { os, run, sleep } = environment;
  if (os !== 'darwin') return [macOnly('agent')];
  try {
    const { installed } = await environment.agent();
    if (installed === 'no')
      return [skipped('agent', 'not installed', '`sotto agent install` starts Sotto at login')];
    const target = `gui/${process.getuid?.() ?? 501}/${LABEL}`;
    const pidOf = async (): Promise<number | undefined> => {
      const { stdout } = await run('launchctl', ['print', target]);
      const pid = /^\s*pid = (\d+)$/m.exec(stdout)?.[1];
      return pid === undefined ? undefined : Number(pid);
    };
    const first = await pidOf();
    if (first === undefined) {
      const advice = 'start it with `sotto agent start`; agent.log shows why it ended';
      return [
        { name: 'agent', verdict: 'failed', found: 'installed, not running', facts: { target }, advice },
      ];
    }
    if (await isBusy(environment))
      return [skipped('agent', 'it is busy', 'run the test when nothing is transcribed')];
    await run('launchctl', ['kill', 'SIGKILL', target]);
    for (let waitedMs = 0; waitedMs < BACK_WITHIN_MS; waitedMs += LOOK_EVERY_MS) {
      await sleep(LOOK_EVERY_MS);
      const pid = await pidOf();
      if (pid === undefined || pid === first) continue;
      const backSeconds = (waitedMs + LOOK_EVERY_MS) / 1000;
      const found = `back ${backSeconds.toFixed(1)} s after it was killed`;
      return [{ name: 'agent', verdict: 'ok', found, facts: { target, first, pid, backSeconds } }];
    }
    const advice = 'restart it with `sotto agent restart`';
    return [
      {
        ...{ name: 'agent', verdict: 'failed', facts: { target, first }, advice },
        found: 'did not come back within 12 s after it was killed',
      },
    ];
  } catch (error) {
    return [unavailable('agent', error)];
  }
};

/** What a user waits for is not ended for a test. */
async function isBusy({ connect }: Parameters<Step>[0]): Promise<boolean> {
  const client = await connect();
  if (client === undefined) return false;
  try {
    const { queue, dictations } = await client.status();
    return queue.running + queue.queued + dictations > 0;
  } finally {
    client.close();
  }
}

/**
 * Kills commands, capture processes and daemons at random moments, with a fake engine: no committed text is lost, no process
 * is orphaned, and there are at most as many zombies as killed capture processes. SOTTO_KILLS=200 SOTTO_SEED=7 runs more.
 */
import { expect, test } from '@jest/globals';
import {
  CaptureClient,
  type DictationView,
  followDictation,
  isOver,
  SottoClient,
} from '#daemon/client/index.js';
import { argsOf, isListed, processesOf } from '#test/harness/processes.js';
import { SECOND } from '#test/harness/ramp.js';
import { seededRandom } from '#test/harness/seeded-random.js';
import { MICROPHONE_PROGRAM } from '#test/harness/scripted-microphone.js';
import { isRunning, until } from '#test/harness/wait.js';
import { describeUnless } from '#test/harness/skipping.js';
import { whyNotBuilt } from './build-extension.js';
import type { RaycastHost } from './raycast-host.js';
import type { RunningCommand } from './running-command.js';
import { sottoHarness } from './sotto-harness.js';

const RUNS = Number(process.env.SOTTO_KILLS ?? '8');
const SEED = Number(process.env.SOTTO_SEED ?? '1');
const MAX_DELAY_MS = 1_200;
/** A new dictation has no text for a while. */
const TEXT_TIMEOUT_MS = 300;
const VICTIMS = ['window', 'window', 'capture', 'microphone', 'daemon', 'none'] as const;

const reason = await whyNotBuilt();

describeUnless(reason)('Dictate, killed at random moments', () => {
  const harness = sottoHarness();

  test(
    'loses nothing, and leaves no orphans and no unexplained zombies',
    async () => {
      const random = seededRandom(SEED);
      const host = harness.raycast({ samples: 60 * SECOND, pauseMs: 20 });
      const committedTexts = new Map<string, string>();
      let killedCount = 0;
      for (let time = 0; time < RUNS; time++) {
        const command = host.launch('dictate');
        // Every second kill waits for words; the others come at any moment.
        if (time % 2 === 0) await until(async () => ((await now())?.committed.trim() ?? '') !== '');
        await new Promise((resolve) => setTimeout(resolve, MAX_DELAY_MS * random()));
        const seen = await now();
        if (seen !== undefined) committedTexts.set(seen.id, seen.committed.trim());
        const victim = VICTIMS[Math.floor(random() * VICTIMS.length)] ?? 'none';
        killedCount += await kill(victim, host, command);
        await command.pop();
        // A process that is still starting would exit when it meets the next one: one more zombie.
        await until(async () => !hasRunningChild(command) || (await isListening()));
        await until(async () => (await now()) === undefined);
      }
      const started = host.launched.flatMap(({ children }) => children.started);
      const zombies = started.filter(({ pid }) => isListed(pid) && !isRunning(pid));
      expect(zombies.length).toBeLessThanOrEqual(killedCount);
      expect(started.filter(({ pid }) => isRunning(pid)).length).toBeLessThanOrEqual(1);
      expect(runningProcesses(harness.paths.home, MICROPHONE_PROGRAM).length).toBeLessThanOrEqual(1);
      // The daemon finishes an abandoned session after a while.
      await until(async () => {
        const past = await history();
        return [...committedTexts.keys()].every((id) => past.has(id) || committedTexts.get(id) === '');
      });
      const past = await history();
      const spoken = [...committedTexts.values()].filter((text) => text !== '');
      expect(spoken.length).toBeGreaterThanOrEqual(Math.ceil(RUNS / 2));
      for (const [id, text] of committedTexts) expect(past.get(id) ?? '').toMatch(new RegExp(`^${text}`));
      await host.close();
      await until(() => runningProcesses(harness.paths.home, 'capture').length === 0);
      await until(() => runningProcesses(harness.paths.home, MICROPHONE_PROGRAM).length === 0);
    },
    60_000 + RUNS * 15_000,
  );

  async function isListening(): Promise<boolean> {
    const capture = await CaptureClient.connect(harness.paths.capture);
    capture?.close();
    return capture !== undefined;
  }

  /** The active dictation, with its text if that comes soon. */
  async function now(): Promise<DictationView | undefined> {
    const capture = await CaptureClient.connect(harness.paths.capture);
    if (capture === undefined) return undefined;
    let last: DictationView | undefined;
    const connect = () => SottoClient.connect(harness.paths.socket, 'kills');
    const timer = setTimeout(() => capture.close(), TEXT_TIMEOUT_MS);
    try {
      for await (last of followDictation(capture, connect)) if (last.committed !== '') break;
    } catch {
      // It was killed, or there is no text yet.
    }
    clearTimeout(timer);
    capture.close();
    return last !== undefined && isOver(last.phase) ? undefined : last;
  }

  /** @returns the number of killed processes that a command had started */
  async function kill(
    victim: (typeof VICTIMS)[number],
    host: RaycastHost,
    command: RunningCommand,
  ): Promise<number> {
    if (victim === 'capture') {
      const pids = host.launched.flatMap(({ children }) => children.started.map(({ pid }) => pid));
      return end(pids.filter(isRunning));
    }
    if (victim === 'microphone') end(runningProcesses(harness.paths.home, MICROPHONE_PROGRAM));
    if (victim === 'daemon') {
      const client = await SottoClient.connect(harness.paths.socket, 'kills').catch(() => undefined);
      client?.close();
      if (client !== undefined) end([client.daemon.pid]);
    }
    if (victim === 'none' && command.actions().includes('Finish and Paste')) {
      await command.act('Finish and Paste');
      await command.done();
    }
    return 0;
  }

  async function history(): Promise<ReadonlyMap<string, string>> {
    const lines = (await harness.sotto('history', 'list', '--json', '--limit', '1000')).trim().split('\n');
    const entries = lines
      .filter((line) => line !== '')
      .map((line) => JSON.parse(line) as { id: string; text: string });
    return new Map(entries.map(({ id, text }) => [id, text]));
  }
});

function end(pids: readonly number[]): number {
  for (const pid of pids) {
    try {
      process.kill(pid, 'SIGKILL');
    } catch {
      // It has just exited by itself.
    }
  }
  return pids.length;
}

function hasRunningChild({ children }: RunningCommand): boolean {
  return children.started.some(({ pid }) => isRunning(pid));
}

/** @param word a part of an argument */
function runningProcesses(home: string, word: string): number[] {
  return processesOf(home).filter((pid) => argsOf(pid).some((arg) => arg.includes(word)) && isRunning(pid));
}

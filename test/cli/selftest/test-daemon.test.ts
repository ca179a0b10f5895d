/** The daemon of the self-test, with real processes: under a fake launchd, and as a plain process. */
import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { SelftestDaemon, TEST_LABEL } from '#daemon/cli/selftest/test-daemon.js';
import { FakeLaunchd } from '#test/harness/fake-launchd.js';
import { fakeEngine } from '#test/harness/run-sotto.js';

let user = '';
/** Not the system's folder: suites beside this one have test daemons there. */
let homesIn = '';
let launchd: FakeLaunchd;
beforeEach(() => {
  user = mkdtempSync(join(tmpdir(), 'so-'));
  homesIn = join(user, 't');
  mkdirSync(homesIn);
  launchd = new FakeLaunchd({ uid: 501, secondMs: 30, environment: { SOTTO_ENGINE: fakeEngine } });
});
afterEach(async () => {
  await launchd.logOut();
  rmSync(user, { recursive: true, force: true });
});

const agent = (): SelftestDaemon =>
  new SelftestDaemon({ os: 'darwin', uid: 501, user, homesIn, run: launchd.run });
const homes = (): string[] => readdirSync(homesIn);
const NO_LEFTOVERS = { processes: [], socket: false, home: false };

describe('under launchd', () => {
  test('starts beside the user’s own agent, restarts after a kill, and leaves nothing', async () => {
    const daemon = agent();
    expect(await daemon.start()).toBeGreaterThan(0);
    const pid = launchd.pid(TEST_LABEL);
    const client = await daemon.connect();
    expect(client.daemon.pid).toBe(pid);
    client.close();
    expect(homes()).toHaveLength(1);
    expect(await daemon.killAndWait(60_000)).toBeGreaterThan(0);
    expect(launchd.pid(TEST_LABEL)).not.toBe(pid);
    expect(await daemon.stop()).toEqual(NO_LEFTOVERS);
    expect(launchd.pid(TEST_LABEL)).toBeUndefined();
    expect(readdirSync(join(user, 'Library', 'LaunchAgents'))).toEqual([]);
    expect(homes()).toEqual([]);
  });

  test('replaces an agent that another test left', async () => {
    const killed = agent();
    await killed.start();
    const pid = launchd.pid(TEST_LABEL);
    const daemon = agent();
    await daemon.start();
    expect(launchd.pid(TEST_LABEL)).not.toBe(pid);
    expect(await daemon.stop()).toEqual(NO_LEFTOVERS);
    expect(existsSync(join(user, 'Library', 'LaunchAgents', `${TEST_LABEL}.plist`))).toBe(false);
    await killed.stop();
  });

  test('reports why launchd refuses it, and leaves nothing', async () => {
    const run: typeof launchd.run = () => Promise.resolve({ code: 125, stdout: '', stderr: 'no domain\n' });
    const daemon = new SelftestDaemon({ os: 'darwin', uid: 501, user, homesIn, run });
    await expect(daemon.start()).rejects.toMatchObject({ code: 'AGENT_FAILED' });
    expect(await daemon.stop()).toEqual(NO_LEFTOVERS);
    expect(homes()).toEqual([]);
  });
});

test('is a plain process elsewhere, and leaves nothing', async () => {
  process.env.SOTTO_ENGINE = fakeEngine;
  try {
    const daemon = new SelftestDaemon({ os: 'linux', uid: 501, user, homesIn, run: launchd.run });
    expect(await daemon.stop()).toBeUndefined();
    const client = await daemon.connect();
    client.close();
    expect(await daemon.stop()).toEqual(NO_LEFTOVERS);
    expect(homes()).toEqual([]);
  } finally {
    delete process.env.SOTTO_ENGINE;
  }
});

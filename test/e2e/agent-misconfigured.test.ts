import { chmodSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { resolvePaths, type Paths } from '#daemon/paths.js';
import { daemonStatus } from '#test/harness/daemon-status.js';
import { FakeLaunchd } from '#test/harness/fake-launchd.js';
import { serveLaunchctl, type LaunchctlServer } from '#test/harness/launchctl-server.js';
import { fakeEngine, sotto, type SottoResult } from '#test/harness/run-sotto.js';
import { until } from '#test/harness/wait.js';

/** launchd's seconds pass twenty times as fast. */
const SECOND_MS = 50;

let folder: string;
let paths: Paths;
let launchd: FakeLaunchd;
let launchctl: LaunchctlServer;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'so-m-'));
  paths = resolvePaths({ SOTTO_HOME: join(folder, 'h') });
  mkdirSync(paths.home, { mode: 0o700 });
});
afterEach(async () => {
  await launchd.logOut();
  await launchctl.close();
  rmSync(folder, { recursive: true, force: true });
});

async function launch(environment: Record<string, string> = {}): Promise<void> {
  const uid = process.getuid?.() ?? 0;
  launchd = new FakeLaunchd({
    uid,
    secondMs: SECOND_MS,
    environment: { SOTTO_ENGINE: fakeEngine, ...environment },
  });
  launchctl = await serveLaunchctl(launchd, folder);
}

function run(...args: string[]): Promise<SottoResult> {
  return sotto(args, { home: paths.home, env: launchctl.environment });
}

function status(): ReturnType<typeof daemonStatus> {
  return daemonStatus(paths);
}

/** Long enough for launchd to restart it after a failure. */
async function noOtherStart(): Promise<void> {
  const { starts } = launchd;
  await new Promise((resolve) => setTimeout(resolve, 25 * SECOND_MS));
  expect(launchd.starts).toBe(starts);
  expect(starts).toBe(1);
}

interface Case {
  readonly broken: () => void;
  readonly environment?: Record<string, string>;
  readonly why: RegExp;
}

const DEGRADED: Record<string, Case> = {
  'settings that are no JSON': {
    broken: () => writeFileSync(paths.settings, '{"model": '),
    why: /settings\.json is not valid/,
  },
  'settings of the wrong kind': {
    broken: () => writeFileSync(paths.settings, '{"memory":{"maxBytes":"all"}}'),
    why: /`memory\.maxBytes` must be a number of bytes/,
  },
  'a folder in place of the settings': {
    broken: () => mkdirSync(paths.settings),
    why: /settings\.json can't be read/,
  },
  'a model that is not there': {
    broken: () => writeFileSync(paths.settings, '{"model":"gone"}'),
    why: /gone/,
  },
  'a model that is damaged': {
    broken: () => {
      mkdirSync(join(paths.models, 'broken'), { recursive: true });
      writeFileSync(paths.settings, '{"model":"broken"}');
    },
    why: /config\.json is cut off/,
  },
  'an addon that is not there': {
    broken: () => undefined,
    environment: { FAKE_ENGINE: 'cannot-start' },
    why: /there is no addon/,
  },
};

/** Nothing can listen in these cases: it stays down until the user repairs it. */
const DOWN: Record<string, Case> = {
  'a file in place of the socket': {
    broken: () => writeFileSync(paths.socket, 'mine'),
    why: /is a file, not the socket/,
  },
  'a home that others may write to': {
    broken: () => chmodSync(paths.home, 0o777),
    why: /other users can write to/,
  },
};

describe('a misconfigured agent', () => {
  test.each(Object.entries(DEGRADED))(
    '%s: it stays up, degraded, and reports why',
    async (_, { broken, environment, why }) => {
      await launch(environment);
      broken();
      expect((await run('agent', 'install')).code).toBe(0);
      await until(async () => (await status())?.state === 'degraded');
      expect((await status())?.reason).toMatch(why);
      await noOtherStart();
      expect((await run('agent', 'doctor')).code).toBe(3);
    },
  );

  test.each(Object.entries(DOWN))(
    '%s: it exits without an error, the log says why, and launchd does not restart it',
    async (_, { broken, why }) => {
      await launch();
      broken();
      const installed = await run('agent', 'install');
      expect([installed.code, installed.stderr]).toEqual([3, expect.stringMatching(why)]);
      const log = join(paths.logs, 'agent.log');
      await until(() => existsSync(log) && why.test(readFileSync(log, 'utf8')));
      await until(() => launchd.pid('com.sotto.daemon') === undefined);
      await noOtherStart();
    },
  );

  test.each(['restart', 'install'])('repaired and restarted with `agent %s`, it is ready', async (act) => {
    await launch();
    writeFileSync(paths.settings, '{"model": ');
    await run('agent', 'install');
    await until(async () => (await status())?.state === 'degraded');
    rmSync(paths.settings);
    expect((await run('agent', act)).code).toBe(0);
    await until(async () => (await status())?.state === 'ready');
  });
});

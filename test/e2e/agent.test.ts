import {
  existsSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { resolvePaths, type Paths } from '#daemon/paths.js';
import { SOTTO_VERSION } from '#daemon/protocol/version.js';
import { asVersion } from '#test/harness/as-version.js';
import { daemonStatus } from '#test/harness/daemon-status.js';
import { FakeLaunchd } from '#test/harness/fake-launchd.js';
import { serveLaunchctl, type LaunchctlServer } from '#test/harness/launchctl-server.js';
import { fakeEngine, sotto, startSotto, type SottoResult } from '#test/harness/run-sotto.js';
import { isRunning, until } from '#test/harness/wait.js';

const LABEL = 'com.sotto.daemon';
/** launchd's seconds pass ten times as fast. */
const SECOND_MS = 100;

let folder: string;
let paths: Paths;
let launchd: FakeLaunchd;
let launchctl: LaunchctlServer;
/** Of the processes that launchd starts from now on. */
let environment: Record<string, string>;
beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'so-a-'));
  paths = resolvePaths({ SOTTO_HOME: join(folder, 'h') });
  const uid = process.getuid?.() ?? 0;
  environment = { SOTTO_ENGINE: fakeEngine };
  launchd = new FakeLaunchd({ uid, secondMs: SECOND_MS, drainMs: 50, environment });
  launchctl = await serveLaunchctl(launchd, folder);
});
afterEach(async () => {
  await launchd.logOut();
  await launchctl.close();
  rmSync(folder, { recursive: true, force: true });
});

function run(...args: string[]): Promise<SottoResult> {
  return sotto(args, { home: paths.home, env: launchctl.environment });
}

function status(): ReturnType<typeof daemonStatus> {
  return daemonStatus(paths);
}

/** The version on disk. */
const files = (): string[] => readdirSync(folder, { recursive: true }).map(String).sort();

/** As reported by the system. */
function openFiles(pid: number): string[] {
  const folder = `/proc/${pid}/fd`;
  return existsSync(folder)
    ? readdirSync(folder).flatMap((name) => {
        const path = join(folder, name);
        return lstatSync(path, { throwIfNoEntry: false }) === undefined ? [] : [readlinkSync(path)];
      })
    : [];
}

describe('sotto agent', () => {
  test('installs in one step: when the command ends the daemon answers', async () => {
    expect(await run('agent', 'status')).toMatchObject({
      code: 3,
      stdout: expect.stringMatching(/No login agent installed/) as unknown,
    });
    const { code, stdout } = await run('agent', 'install');
    expect([code, stdout]).toEqual([
      0,
      expect.stringMatching(/^Login agent installed\. The daemon is running \(pid \d+\)\.\n$/),
    ]);
    expect((await status())?.pid).toBe(launchd.pid(LABEL));
    expect(await run('agent', 'install')).toMatchObject({
      code: 0,
      stdout: expect.stringMatching(/^Login agent installed already\./) as unknown,
    });
    expect(await run('agent', 'status')).toMatchObject({
      code: 0,
      stdout: expect.stringMatching(/Login agent: running \(pid \d+\)/) as unknown,
    });
    await until(async () => (await status())?.state === 'ready');
    const found = await run('agent', 'doctor');
    expect([found.code, found.stdout]).toEqual([0, expect.stringMatching(/✓ agent +running/)]);
    // Only the user can read files and sockets.
    expect(existsSync(join(folder, 'Library', 'LaunchAgents', `${LABEL}.plist`))).toBe(true);
  });

  test('replaces a daemon that a command started, and clients find it', async () => {
    await sotto(['transcribe', '/none.wav'], { home: paths.home, env: launchctl.environment });
    const before = await status();
    expect(before?.idleExitSeconds).toBeDefined();
    await run('agent', 'install');
    await until(async () => (await status())?.pid === launchd.pid(LABEL));
    expect((await status())?.idleExitSeconds).toBeUndefined();
    await until(() => !isRunning(before?.pid ?? -1));
  });

  test('restarts after kill -9; stopped, it stays down', async () => {
    await run('agent', 'install');
    const first = launchd.pid(LABEL) ?? -1;
    process.kill(first, 'SIGKILL');
    await until(async () => ![undefined, first].includes((await status())?.pid));
    expect(await run('agent', 'stop')).toMatchObject({ code: 0 });
    const { starts } = launchd;
    await new Promise((resolve) => setTimeout(resolve, 15 * SECOND_MS));
    expect([launchd.pid(LABEL), launchd.starts, await status()]).toEqual([undefined, starts, undefined]);
    expect(await run('agent', 'start')).toMatchObject({
      code: 0,
      stdout: expect.stringMatching(/Login agent started\. The daemon is running/) as unknown,
    });
  });

  test('stays up with invalid settings, degraded, and reports why, without a restart loop', async () => {
    await run('agent', 'install');
    await run('agent', 'stop');
    writeFileSync(paths.settings, '{ not json');
    const { starts } = launchd;
    expect((await run('agent', 'start')).code).toBe(0);
    await until(async () => (await status())?.state === 'degraded');
    expect((await status())?.reason).toMatch(/settings\.json is not valid/);
    await new Promise((resolve) => setTimeout(resolve, 15 * SECOND_MS));
    expect(launchd.starts).toBe(starts + 1);
    expect(await run('agent', 'doctor')).toMatchObject({
      code: 3,
      stdout: expect.stringMatching(/✗ settings +.*not valid/) as unknown,
    });
  });

  test('waits for a daemon that was started by hand, and takes over when that exits', async () => {
    const byHand = startSotto(['daemon', 'run'], { home: paths.home, env: launchctl.environment });
    await until(async () => (await status())?.pid === byHand.pid);
    expect((await run('agent', 'install')).code).toBe(0);
    expect((await status())?.pid).toBe(byHand.pid);
    // It checks every second, and closes everything that it opens.
    await new Promise((resolve) => setTimeout(resolve, 3_000));
    expect(openFiles(launchd.pid(LABEL) ?? -1)).not.toContain(paths.log);
    byHand.kill('SIGTERM');
    await byHand.done;
    await until(async () => (await status())?.pid === launchd.pid(LABEL));
  });

  test('replaces one of another version, even if it was started by hand', async () => {
    const env = { ...launchctl.environment, ...asVersion('0.0.1') };
    const byHand = startSotto(['daemon', 'run'], { home: paths.home, env });
    await until(async () => (await status())?.version === '0.0.1');
    expect((await run('agent', 'install')).code).toBe(0);
    await until(async () => (await status())?.pid === launchd.pid(LABEL));
    expect((await byHand.done).code).toBe(0);
  });

  test('is restarted by the next installation after an upgrade, and the doctor says how', async () => {
    Object.assign(environment, asVersion('0.0.1'));
    await run('agent', 'install');
    const old = await status();
    expect(old?.version).toBe('0.0.1');
    delete environment.NODE_OPTIONS;
    expect(await run('agent', 'doctor')).toMatchObject({
      code: 3,
      stdout: expect.stringMatching(
        /✗ daemon +.*version 0\.0\.1; this is .*`sotto agent restart`/,
      ) as unknown,
    });
    expect(await run('agent', 'install')).toMatchObject({
      code: 0,
      stdout: expect.stringMatching(/^Login agent updated\. The daemon is running/) as unknown,
    });
    expect(await status()).toMatchObject({ version: SOTTO_VERSION, pid: launchd.pid(LABEL) });
    expect(isRunning(old?.pid ?? -1)).toBe(false);
  });

  test('leaves no process, file or socket after repeated installs, renewals and uninstalls', async () => {
    const pids = new Set<number>();
    await run('agent', 'install');
    await run('agent', 'uninstall');
    const before = files();
    for (let cycle = 0; cycle < 3; cycle++) {
      await run('agent', 'install');
      pids.add(launchd.pid(LABEL) ?? -1);
      // Another version is on disk now.
      const list = join(folder, 'Library', 'LaunchAgents', `${LABEL}.plist`);
      writeFileSync(list, readFileSync(list, 'utf8').replace('4096', '2048'));
      expect(await run('agent', 'status')).toMatchObject({
        stdout: expect.stringMatching(/installed by another version/) as unknown,
      });
      await run('agent', 'install');
      pids.add(launchd.pid(LABEL) ?? -1);
      expect(await run('agent', 'uninstall')).toMatchObject({ code: 0, stdout: 'Login agent removed.\n' });
    }
    expect([...pids].filter((pid) => isRunning(pid))).toEqual([]);
    expect(pids.size).toBe(6);
    expect(files()).toEqual(before);
  });

  test('belongs to one home: uninstalling Sotto from another one leaves it alone', async () => {
    await run('agent', 'install');
    const pid = launchd.pid(LABEL);
    // It had one of its own once.
    const other = join(folder, 'other');
    mkdirSync(join(other, 'agent'), { recursive: true });
    writeFileSync(join(other, 'agent', 'Sotto'), '');
    const args = ['uninstall', '--all', '--yes'];
    expect(await sotto(args, { home: other, env: launchctl.environment })).toMatchObject({
      code: 0,
      stderr: '',
      stdout: expect.not.stringContaining('agent removed') as unknown,
    });
    expect(launchd.pid(LABEL)).toBe(pid);
    const own = await run(...args);
    expect([own.code, own.stderr, own.stdout]).toEqual([
      0,
      '',
      expect.stringMatching(/Login agent removed\.\n/),
    ]);
    expect(launchd.pid(LABEL)).toBeUndefined();
  });
});

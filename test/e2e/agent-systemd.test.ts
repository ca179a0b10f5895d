import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { SottoClient } from '#daemon/client/index.js';
import { resolvePaths, type Paths } from '#daemon/paths.js';
import { fakeEngine, sotto, type SottoResult } from '#test/harness/run-sotto.js';
import { PrivateSystemd, whyNoSystemd } from '#test/harness/private-systemd.js';
import { isRunning, until } from '#test/harness/wait.js';
import { describeUnless } from '#test/harness/skipping.js';

describeUnless(whyNoSystemd())('the agent under a real systemd', () => {
  let folder: string;
  let paths: Paths;
  let systemd: PrivateSystemd;
  beforeEach(async () => {
    folder = mkdtempSync(join(tmpdir(), 'so-sd-'));
    paths = resolvePaths({ SOTTO_HOME: join(folder, 'h 100% "ö"') });
    systemd = new PrivateSystemd(folder);
    await systemd.logIn();
  });
  afterEach(async () => {
    await systemd.logOut();
    rmSync(folder, { recursive: true, force: true });
  });

  const run = (...args: string[]): Promise<SottoResult> =>
    sotto(args, { home: paths.home, env: { ...systemd.environment, SOTTO_ENGINE: fakeEngine } });

  async function pid(): Promise<number | undefined> {
    try {
      const client = await SottoClient.connect(paths.socket, 'test');
      client.close();
      return client.daemon.pid;
    } catch {
      return undefined;
    }
  }

  test('is installed and answers; starts at login and after a crash; uninstalled, it is gone', async () => {
    const installed = await run('agent', 'install');
    expect([installed.code, installed.stdout, installed.stderr]).toEqual([
      0,
      expect.stringMatching(/^Login agent installed\. The daemon is running/),
      '',
    ]);
    expect(JSON.parse((await run('agent', 'status', '--json')).stdout)).toMatchObject({
      installed: 'yes',
      state: 'running',
      pid: await pid(),
    });
    const first = (await pid()) ?? -1;

    await systemd.logOut();
    expect(isRunning(first)).toBe(false);
    await systemd.logIn();
    await until(async () => (await pid()) !== undefined);
    const second = (await pid()) ?? -1;
    expect(second).not.toBe(first);

    process.kill(second, 'SIGKILL');
    // RestartSec: as long as launchd would wait.
    await until(async () => ![undefined, second].includes(await pid()));

    expect((await run('agent', 'stop')).code).toBe(0);
    expect(await pid()).toBeUndefined();
    expect((await run('agent', 'start')).code).toBe(0);
    const last = (await pid()) ?? -1;
    expect((await run('agent', 'uninstall')).stdout).toBe('Login agent removed.\n');
    expect(isRunning(last)).toBe(false);
    expect(readdirSync(join(folder, 'config', 'systemd', 'user'))).toEqual([]);
  });

  test('stays up with invalid settings, so systemd does not restart it', async () => {
    await run('agent', 'install');
    await run('agent', 'stop');
    writeFileSync(paths.settings, '{ not json');
    expect((await run('agent', 'start')).code).toBe(0);
    const before = await pid();
    await new Promise((resolve) => setTimeout(resolve, 2_000));
    expect(await pid()).toBe(before);
    expect(before).toBeDefined();
  });
});

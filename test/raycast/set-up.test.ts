import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { FakeLaunchd } from '#test/harness/fake-launchd.js';
import { serveLaunchctl, type LaunchctlServer } from '#test/harness/launchctl-server.js';
import { fakeEngine } from '#test/harness/run-sotto.js';
import type { MicScript } from '#test/harness/scripted-microphone.js';
import { until } from '#test/harness/wait.js';
import { describeUnless } from '#test/harness/skipping.js';
import { whyNotBuilt } from './build-extension.js';
import type { RaycastHost } from './raycast-host.js';
import type { RunningCommand } from './running-command.js';
import { sottoHarness } from './sotto-harness.js';
import { findAll, textOf, type TreeNode } from './tree.js';

const reason = await whyNotBuilt();

const LABEL = 'com.sotto.daemon';

describeUnless(reason)('Set Up Sotto', () => {
  let folder: string;
  let launchd: FakeLaunchd;
  let launchctl: LaunchctlServer;
  beforeEach(async () => {
    folder = mkdtempSync(join(tmpdir(), 'so-u-'));
    const uid = process.getuid?.() ?? 0;
    const environment = { SOTTO_ENGINE: fakeEngine };
    launchd = new FakeLaunchd({ uid, secondMs: 100, drainMs: 50, environment });
    launchctl = await serveLaunchctl(launchd, folder);
  });
  // Before the daemon is stopped by others: launchd would restart it.
  afterEach(() => launchd.logOut());
  const harness = sottoHarness();
  afterEach(async () => {
    await launchctl.close();
    rmSync(folder, { recursive: true, force: true });
  });

  function raycast(mic: MicScript = {}, preferences: Record<string, unknown> = {}): RaycastHost {
    return harness.raycast(mic, { env: launchctl.environment, preferences });
  }

  async function open(host: RaycastHost): Promise<RunningCommand> {
    const command = host.launch('set-up');
    await untilChecked(command);
    return command;
  }

  async function untilChecked(command: RunningCommand): Promise<void> {
    await command.until(({ props }) => props.isLoading === false);
  }

  test('runs all checks and says that everything is ready', async () => {
    const command = await open(raycast());
    expect(command.text()).toContain('Set Up · Everything Is Ready');
    expect(titlesIn(command.tree, 'Passed')).toEqual(
      expect.arrayContaining(['Sotto', 'Node.js', 'Engine Library', 'Model', 'Daemon', 'Microphone']),
    );
    // Listed microphones may still lack permission.
    expect(iconOf(command.tree, 'Microphone')).toMatchObject({ tintColor: 'raycast-blue' });
    expect(command.text()).toMatch(/Built-in Microphone connected\. macOS will ask for access/);
    await command.select('Microphone');
    expect(command.actions()[0]).toBe('Open Microphone Settings');
  });

  test('installs, restarts and, after confirmation, removes the login agent', async () => {
    const host = raycast();
    const command = await open(host);
    await command.select('Login Agent');
    await command.act('Install Login Agent');
    await command.untilText(/Running, pid \d+/);
    expect(host.desktop.callsTo('toast').at(-1)).toMatchObject({
      style: 'SUCCESS',
      title: expect.stringMatching(/^Login agent installed\. The daemon is running/) as unknown,
    });
    const before = launchd.pid(LABEL);
    await command.untilText('Engine and GPU');
    await command.select('Daemon');
    await command.act('Restart Sotto');
    await until(() => ![undefined, before].includes(launchd.pid(LABEL)));
    await untilChecked(command);
    await command.select('Login Agent');
    host.desktop.confirmAnswer = false;
    await command.act('Remove Login Agent…');
    expect(launchd.pid(LABEL)).toBeDefined();
    host.desktop.confirmAnswer = true;
    await command.act('Remove Login Agent…');
    await command.until(() => command.actions().includes('Install Login Agent'));
    expect(launchd.pid(LABEL)).toBeUndefined();
  });

  test('starts a stopped agent', async () => {
    const host = raycast();
    const command = await open(host);
    await command.select('Login Agent');
    await command.act('Install Login Agent');
    await command.untilText(/Running, pid \d+/);
    await launchd.run('launchctl', ['kill', 'SIGTERM', `gui/${process.getuid?.() ?? 0}/${LABEL}`]);
    await until(() => launchd.pid(LABEL) === undefined);
    await command.act('Check Again');
    await command.until(() => command.actions().includes('Start Login Agent'));
    await command.act('Start Login Agent');
    await command.untilText(/Running, pid \d+/);
    expect(launchd.pid(LABEL)).toBeDefined();
  });

  test('starts Sotto, then checks the engine and shows the log', async () => {
    const command = await open(raycast());
    await command.select('Daemon');
    await command.act('Start Sotto');
    await command.untilText('Engine and GPU');
    await command.act('Show Log');
    await command.untilText(/\d\d:\d\d:\d\d {2}daemon/);
    await command.back();
    await command.until(() => command.actions().includes('Restart Sotto'));
    await command.act('Restart Sotto');
    await command.untilText('Everything Is Ready');
  });

  test('lists invalid settings first, with the error', async () => {
    writeFileSync(harness.paths.settings, '{ not json');
    const host = raycast();
    const command = await open(host);
    expect(titlesIn(command.tree, 'Needs Attention')).toContain('Settings');
    expect(command.text()).toMatch(/settings\.json is not valid/);
    await command.select('Settings');
    expect(command.actions()[0]).toBe('Show Settings in Finder');
    await command.act('Copy Report');
    expect(host.desktop.clipboard[0]?.text).toMatch(/✓ Node\.js: [\s\S]*✗ Settings: /);
  });

  test('reports a missing microphone', async () => {
    const host = raycast({ devices: [] });
    const command = await open(host);
    expect(titlesIn(command.tree, 'Needs Attention')).toEqual(['Microphone']);
    await command.select('Microphone');
    await command.act('Open Microphone Settings');
    expect(host.desktop.callsTo('open')).toEqual([expect.stringContaining('Privacy_Microphone')]);
  });

  test('offers to set the path if Sotto is not found', async () => {
    const host = raycast({}, { sotto: '/none/sotto' });
    const command = await open(host);
    expect(command.text()).toMatch(/1 Issue[\s\S]*Sotto wasn’t found at \/none\/sotto/);
    await command.act('Set Path to Sotto…');
    expect(host.desktop.callsTo('openExtensionPreferences')).toHaveLength(1);
  });
});

/** Titles of the rows in a section. */
function titlesIn(tree: TreeNode | undefined, section: string): string[] {
  const found = findAll(tree, 'List.Section').find(({ props }) => props.title === section);
  return findAll(found, 'List.Item').map((item) => textOf(item, 'title'));
}

function iconOf(tree: TreeNode | undefined, title: string): unknown {
  return findAll(tree, 'List.Item').find((item) => textOf(item, 'title') === title)?.props.icon;
}

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

describeUnless(reason)('Set up Sotto', () => {
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
  // Before the daemon is ended by others: launchd would start it anew.
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

  test('looks at all, and says that everything is ready', async () => {
    const command = await open(raycast());
    expect(command.text()).toContain('Set Up · Everything Is Ready');
    expect(titlesIn(command.tree, 'Looked At')).toEqual(
      expect.arrayContaining(['Sotto', 'Node.js', 'Engine Library', 'Model', 'Daemon', 'Microphone']),
    );
    // That it is connected does not say that Raycast may use it.
    expect(iconOf(command.tree, 'Microphone')).toMatchObject({ tintColor: 'raycast-blue' });
    expect(command.text()).toMatch(/Built-in Microphone: connected\. Whether Raycast may use it shows/);
    await command.select('Microphone');
    expect(command.actions()[0]).toBe('Open Microphone Settings');
  });

  test('installs the login agent, restarts it, and takes it away when one is sure', async () => {
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

  test('an agent that was stopped is started', async () => {
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

  test('starts Sotto, and then knows the engine; its log can be read', async () => {
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

  test('settings that are not valid stand on top, with what is wrong with them', async () => {
    writeFileSync(harness.paths.settings, '{ not json');
    const host = raycast();
    const command = await open(host);
    expect(titlesIn(command.tree, 'To Be Mended')).toContain('Settings');
    expect(command.text()).toMatch(/settings\.json is not valid/);
    await command.select('Settings');
    expect(command.actions()[0]).toBe('Show Settings in Finder');
    await command.act('Copy Report');
    expect(host.desktop.clipboard[0]?.text).toMatch(/✓ Node\.js: [\s\S]*✗ Settings: /);
  });

  test('without a microphone it says so', async () => {
    const host = raycast({ devices: [] });
    const command = await open(host);
    expect(titlesIn(command.tree, 'To Be Mended')).toEqual(['Microphone']);
    await command.select('Microphone');
    await command.act('Open Microphone Settings');
    expect(host.desktop.callsTo('open')).toEqual([expect.stringContaining('Privacy_Microphone')]);
  });

  test('where Sotto is not found, its path can be given', async () => {
    const host = raycast({}, { sotto: '/none/sotto' });
    const command = await open(host);
    expect(command.text()).toMatch(/One Thing to Mend[\s\S]*There is no Sotto at \/none\/sotto/);
    await command.act('Give the Path of Sotto');
    expect(host.desktop.callsTo('openExtensionPreferences')).toHaveLength(1);
  });
});

/** Titles of the rows below a section's title. */
function titlesIn(tree: TreeNode | undefined, section: string): string[] {
  const found = findAll(tree, 'List.Section').find(({ props }) => props.title === section);
  return findAll(found, 'List.Item').map((item) => textOf(item, 'title'));
}

function iconOf(tree: TreeNode | undefined, title: string): unknown {
  return findAll(tree, 'List.Item').find((item) => textOf(item, 'title') === title)?.props.icon;
}

import { expect, test } from '@jest/globals';
import { existsSync } from 'node:fs';
import { rampText, SECOND } from '#test/harness/ramp.js';
import { until } from '#test/harness/wait.js';
import { describeUnless } from '#test/harness/skipping.js';
import { whyNotBuilt } from './build-extension.js';
import { untilRecorded } from './until-recorded.js';
import type { RaycastHost } from './raycast-host.js';
import type { RunningCommand } from './running-command.js';
import { sottoHarness } from './sotto-harness.js';

const reason = await whyNotBuilt();

describeUnless(reason)('Menu Bar', () => {
  const harness = sottoHarness();

  /** Opens the menu and waits until it has loaded. */
  async function open(host: RaycastHost): Promise<RunningCommand> {
    const command = host.launch('menu-bar', { isMenuOpen: true });
    await command.until(({ props }) => props.isLoading !== true);
    return command;
  }

  async function dictate(host: RaycastHost, seconds: number): Promise<void> {
    await host.launch('quick-dictate').done();
    await untilRecorded(harness.paths, seconds);
  }

  test('renders, unloads, and starts nothing by itself', async () => {
    const command = harness.raycast({}).launch('menu-bar', { launchType: 'background' });
    await command.done();
    expect(command.text()).toContain('Not running (starts when you dictate)');
    expect(command.children.started).toEqual([]);
    expect(existsSync(harness.paths.socket)).toBe(false);
  });

  test('starts Sotto and shows the model in memory', async () => {
    const host = harness.raycast({});
    await (await open(host)).act('Start Sotto');
    await until(async () => {
      const status = JSON.parse(await harness.sotto('daemon', 'status', '--json')) as { state: string };
      return status.state === 'ready';
    });
    const command = await open(host);
    expect(command.text()).toMatch(/Ready[\s\S]*fake[\s\S]*In Memory/);
    await command.act('Free Memory');
    const after = await open(host);
    expect(after.text()).toContain('Loads When Needed');
    expect(after.actions()).not.toContain('Free Memory');
  });

  test('shows a problem', async () => {
    const host = harness.raycast({}, { env: { FAKE_ENGINE: 'cannot-start' } });
    await (await open(host)).act('Start Sotto');
    await until(async () => (await open(host)).text().startsWith('The speech engine is down'));
    const command = await open(host);
    await command.act('Show Problem');
    expect(host.launched.at(-2)?.name).toBe('set-up');
  });

  test('starts and finishes a dictation', async () => {
    const host = harness.raycast({ samples: 3 * SECOND });
    await (await open(host)).act('Start Dictation');
    const started = host.launched.find(({ name }) => name === 'quick-dictate');
    await started?.done();
    await untilRecorded(harness.paths, 3);
    const command = await open(host);
    await command.act('Finish Dictation');
    await until(() => host.desktop.pasted !== '');
    expect(host.desktop.pasted).toBe(rampText(3 * SECOND));
  });

  test('cancels a dictation and undoes that', async () => {
    const host = harness.raycast({ samples: 3 * SECOND });
    await dictate(host, 3);
    await (await open(host)).act('Cancel Dictation');
    const command = await open(host);
    await command.act('Undo Cancel');
    await until(async () =>
      (await harness.sotto('history', 'list', '--json')).includes(rampText(3 * SECOND)),
    );
  });

  test('pastes and copies the last transcript', async () => {
    const host = harness.raycast({ samples: 2 * SECOND }, { preferences: { trailingSpace: true } });
    await dictate(host, 2);
    await host.launch('quick-dictate').done();
    const text = rampText(2 * SECOND);
    host.desktop.pasted = '';
    const command = await open(host);
    expect(command.text()).toContain(text.slice(0, 20));
    await command.act('Paste');
    expect(host.desktop.pasted).toBe(`${text} `);
    await (await open(host)).act('Copy');
    expect(host.desktop.clipboard[0]?.text).toBe(text);
  });

  test('refreshes at each change once activated', async () => {
    const host = harness.raycast({ samples: 2 * SECOND });
    await host.launch('menu-bar').done();
    await dictate(host, 2);
    await until(() => menus(host).some((text) => text.includes('Finish Dictation')));
    await host.launch('quick-dictate').done();
    await until(() => menus(host).at(-1)?.includes('Start Dictation') === true);
  });

  /** The text of each run of the command. */
  function menus(host: RaycastHost): string[] {
    return host.launched.filter(({ name }) => name === 'menu-bar').map((command) => command.text());
  }
});

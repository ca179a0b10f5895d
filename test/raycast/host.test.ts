import { afterAll, afterEach, beforeAll, expect, test } from '@jest/globals';
import { isRunning, until } from '#test/harness/wait.js';
import { describeUnless } from '#test/harness/skipping.js';
import { buildExtension, fixtureFolder, whyNotBuilt, type BuiltExtension } from './build-extension.js';
import { RaycastHost, type HostOptions } from './raycast-host.js';
import { find, textOf } from './tree.js';

const reason = await whyNotBuilt();

describeUnless(reason)('the Raycast host', () => {
  let built: BuiltExtension;
  let hosts: RaycastHost[] = [];
  beforeAll(async () => void (built = await buildExtension(fixtureFolder)), 180_000);
  afterAll(() => built?.remove());
  afterEach(async () => {
    for (const host of hosts) await host.close();
    hosts = [];
  });
  const open = (options?: HostOptions): RaycastHost => {
    const host = new RaycastHost(built, options);
    hosts.push(host);
    return host;
  };

  test('renders a view as it changes', async () => {
    const command = open().launch('counting');
    const first = await command.until((tree) => textOf(tree, 'markdown') !== '');
    await command.until((tree) => textOf(tree, 'markdown').length > textOf(first, 'markdown').length);
    expect(find(command.tree, 'Detail.Metadata.Label')?.props).toMatchObject({
      title: 'Words',
      icon: 'microphone-16',
    });
    expect(command.actions()).toEqual(['Finish and Paste', 'Copy to Clipboard', 'Break']);
  });

  test('logs an action that closes the window and pastes', async () => {
    const raycast = open();
    const { desktop } = raycast;
    const command = raycast.launch('counting');
    await command.untilText('word2');
    await command.act('Finish and Paste');
    expect(desktop.pasted).toMatch(/^word0 word1 word2/);
    expect(desktop.log.map(({ method }) => method)).toEqual(['toast', 'closeMainWindow', 'paste']);
    expect(desktop.callsTo('toast')).toEqual([{ style: 'SUCCESS', title: 'Pasting', actions: [] }]);
    expect(command.isLoaded).toBe(true);
    await command.act('Copy to Clipboard');
    expect(desktop.clipboard[0]?.text).toMatch(/^word0/);
  });

  test('unloads a view with its window if the user prefers that', async () => {
    const raycast = open({ popToRoot: 'immediately' });
    const { desktop } = raycast;
    const command = raycast.launch('counting');
    await command.untilText('word2');
    await command.act('Finish and Paste');
    await command.done();
    expect(desktop.pasted).toMatch(/^word0/);
  });

  test('rejects for an action that throws', async () => {
    const command = open().launch('counting');
    await command.untilText('word0');
    await expect(command.act('Break')).rejects.toThrow('broken on purpose');
    await expect(command.act('Fly')).rejects.toThrow('no action Fly among: Finish and Paste');
  });

  test('unloads a command without a view when it resolves, and keeps its storage', async () => {
    const raycast = open({ preferences: { sound: true } });
    const { desktop } = raycast;
    await raycast.launch('menu').done();
    await raycast.launch('toggle', { arguments: { word: 'hello' } }).done();
    await raycast.launch('toggle', { preferences: { language: 'de' } }).done();
    expect(desktop.callsTo('hud')).toEqual(['On auto true a Mac toggle', 'Off de true a Mac toggle']);
    expect(raycast.launched.map(({ name }) => name)).toEqual(['menu', 'toggle', 'menu', 'toggle', 'menu']);
    expect(() => raycast.launch('toggle', { arguments: { wort: '' } })).toThrow('no argument wort');
    expect(() => raycast.launch('togle')).toThrow('no command togle');
    expect(() => open({ preferences: { lang: 1 } }).launch('toggle')).toThrow('no preference lang');
  });

  test('renders a menu, and unloads its command once it has loaded', async () => {
    const raycast = open();
    const { desktop } = raycast;
    await raycast.launch('menu').done();
    await raycast.launch('toggle', { arguments: { word: 'hello' } }).done();
    const menu = raycast.launch('menu', { launchType: 'background' });
    await menu.done();
    expect(menu.text()).toBe('hello\nLast\nOpen');
    const opened = raycast.launch('menu', { isMenuOpen: true });
    await opened.untilText('hello');
    expect(opened.isLoaded).toBe(true);
    await opened.act('Open');
    await opened.done();
    expect(desktop.callsTo('open')).toEqual(['/tmp/last.txt']);
  });

  test('refuses to run an inactive menu bar command in the background', async () => {
    const toggle = open().launch('toggle', { arguments: { word: 'hello' } });
    await expect(toggle.done()).rejects.toThrow('must be activated before it can be run in the background');
  });

  test('returns the Finder selection only while Finder is frontmost', async () => {
    const raycast = open();
    const { desktop } = raycast;
    desktop.finderSelection = ['/tmp/a.m4a'];
    const empty = raycast.launch('listing');
    await empty.until((tree) => tree.props.isLoading === false);
    expect(empty.text()).toBe('Nothing to list');
    desktop.clipboard = [{ text: 'b.m4a', file: '/tmp/b.m4a' }];
    await raycast.launch('listing').untilText('/tmp/b.m4a');
    desktop.showFinder('/tmp/a.m4a', '/tmp/c.m4a');
    const list = raycast.launch('listing');
    await list.untilText(/a\.m4a\n10 letters\n.*c\.m4a/);
    await list.search('c.m4a');
    await list.until((tree) => find(tree, ({ props }) => props.title === '/tmp/a.m4a') === undefined);
  });

  test('supports lists, alerts, pushed screens and forms', async () => {
    const raycast = open();
    const { desktop } = raycast;
    desktop.showFinder('/tmp/a', '/tmp/b');
    const command = raycast.launch('listing');
    await command.untilText('/tmp/b');
    desktop.confirmAnswer = false;
    await command.act('Delete');
    desktop.confirmAnswer = true;
    await command.select('/tmp/b');
    await command.act('Delete');
    await command.until((tree) => find(tree, ({ props }) => props.title === '/tmp/b') === undefined);
    expect(desktop.callsTo('confirm')).toEqual([
      { title: 'Delete /tmp/a?', action: 'Delete' },
      { title: 'Delete /tmp/b?', action: 'Delete' },
    ]);
    await command.select('/tmp/a');
    await command.act('Rename');
    await command.untilText('Rename');
    await command.back();
    await command.untilText('/tmp/a');
    await command.act('Rename');
    await command.untilText('Rename');
    await command.fill('name', 'z');
    await command.act('Rename File');
    expect(desktop.callsTo('hud')).toEqual(['/tmp/a is now z']);
    await command.untilText('6 letters');
    await command.back();
    expect(command.isLoaded).toBe(false);
  });

  test('kills only the processes that are not detached when a view closes', async () => {
    const raycast = open();
    const command = raycast.launch('spawning');
    const text = await command.untilText(/^\d+ \d+$/);
    const [own = 0, free = 0] = text.split(' ').map(Number);
    expect([isRunning(own), isRunning(free)]).toEqual([true, true]);
    await command.pop();
    await until(() => !isRunning(own));
    expect(isRunning(free)).toBe(true);
    await raycast.close();
    await until(() => !isRunning(free));
  });

  test('throws for an unknown API and names it', async () => {
    await expect(open().launch('strange').done()).rejects.toThrow(
      'the Raycast host knows no WindowManagement of @raycast/api',
    );
  });
});

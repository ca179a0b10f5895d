import { afterAll, afterEach, beforeAll, expect, test } from '@jest/globals';
import { existsSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { SottoClient } from '#daemon/client/index.js';
import { placeModel } from '#test/harness/model-server.js';
import { modelFiles } from '#test/harness/hub-model.js';
import { launcher } from '#test/harness/run-sotto.js';
import { startLocalHub, type LocalHub } from '#test/harness/local-hub.js';
import { describeUnless } from '#test/harness/skipping.js';
import { whyNotBuilt } from './build-extension.js';
import type { RaycastHost } from './raycast-host.js';
import type { RunningCommand } from './running-command.js';
import { sottoHarness } from './sotto-harness.js';
import { findAll, readable, textOf, type TreeNode } from './tree.js';

const reason = await whyNotBuilt();

/** The smallest model of the catalogue. */
const TINY = { repo: 'mlx-community/whisper-tiny-mlx', name: 'whisper-tiny', title: 'Whisper tiny' };
const TINY_REVISION = '6caf9c55601caafbe6508a8b0d216bdf4783c4e8';
/** The included model. */
const STARTER = 'Whisper base, 6 bit';
const CODEC = 'Lyra V2';
const ENGLISH = 'Moonshine base, English, 6 bit';

describeUnless(reason)('Manage Models', () => {
  const harness = sottoHarness();
  let hub: LocalHub;
  beforeAll(async () => {
    hub = await startLocalHub();
    hub.commit(TINY.repo, modelFiles(400_000), { commit: TINY_REVISION });
    hub.commit('someone/model', modelFiles(200_000));
  });
  afterAll(() => hub.close());
  afterEach(() => void (hub.fault = () => undefined));

  function raycast(preferences: Record<string, unknown> = {}): RaycastHost {
    const env = { HF_ENDPOINT: hub.endpoint, HF_TOKEN: '', NO_PROXY: '127.0.0.1' };
    return harness.raycast({}, { env, preferences });
  }

  /** Opens the command and waits for the list. */
  async function open(host = raycast()): Promise<RunningCommand> {
    const command = host.launch('models');
    await command.untilText('On This Mac');
    await command.until((tree) => row(tree, TINY.title) !== undefined);
    return command;
  }

  /** Waits until a model is installed and its download has ended. */
  async function untilDownloaded(command: RunningCommand, title: string): Promise<void> {
    await command.until((tree) => titlesIn(tree, 'On This Mac').includes(title));
    await command.until(() => !command.actions().includes('Cancel Download'));
  }

  /** @returns its process id */
  async function killDaemon(): Promise<number> {
    const client = await SottoClient.connect(harness.paths.socket, 'test');
    const { pid } = client.daemon;
    client.close();
    process.kill(pid, 'SIGKILL');
    return pid;
  }

  const stall = (): void => {
    hub.fault = ({ kind, path }) =>
      kind === 'cdn' && path === 'weights.safetensors' ? { stallAfter: 150_000 } : undefined;
  };
  const isHere = (name: string): boolean => existsSync(join(harness.paths.models, name));
  const settings = (): unknown => JSON.parse(readFileSync(harness.paths.settings, 'utf8'));

  test('lists installed models, the default first, and a recommended one', async () => {
    placeModel(harness.paths.models, 'another', 2_000);
    const command = await open();
    const [first] = findAll(command.tree, 'List.Item');
    expect([textOf(first, 'title'), readable(first)]).toEqual(['fake', expect.stringMatching(/Default/)]);
    expect(titlesIn(command.tree, 'On This Mac')).toEqual([...['fake', CODEC, 'another', ENGLISH, STARTER]]);
    expect(titlesIn(command.tree, 'Available')).toContain('Whisper large-v3 turbo');
    const recommended = findAll(command.tree, 'List.Item').filter((item) =>
      /Recommended(?! for)/.test(readable(item)),
    );
    expect(recommended).toHaveLength(1);
    await command.untilText('In Memory');
    await command.act('Show Details');
    await command.until((tree) => tree.props.isShowingDetail === true);
    expect(command.text()).toMatch(/Languages[\s\S]*Parameters[\s\S]*License/);
  });

  test('downloads with progress, and resumes a cancelled download', async () => {
    stall();
    const host = raycast();
    const command = await open(host);
    await command.select(TINY.title);
    const download = command.act('Download');
    await command.untilText(/Downloading \d+%/);
    await command.act('Cancel Download');
    await download;
    await command.until(() => command.actions().includes('Resume Download'));
    expect(titlesIn(command.tree, 'Downloading')).toContain(TINY.title);
    expect(readable(row(command.tree, TINY.title))).toMatch(/\d+ KB of \d+ KB/);
    hub.fault = () => undefined;
    await command.act('Resume Download');
    await untilDownloaded(command, TINY.title);
    expect(isHere(TINY.name)).toBe(true);
    expect(toastTitles(host)).toEqual(['Download Cancelled', 'Downloaded Whisper tiny']);
  });

  test('continues a download in the background, and cancels it from another view', async () => {
    stall();
    const host = raycast();
    const command = await open(host);
    await command.select(TINY.title);
    void command.act('Download');
    await command.untilText(/Downloading \d+%/);
    await command.pop();
    const again = host.launch('models');
    await again.untilText(/Downloading \d+%/);
    await again.select(TINY.title);
    await again.act('Cancel Download');
    await again.until(() => again.actions().includes('Discard Unfinished Downloads…'));
    await again.act('Discard Unfinished Downloads…');
    await again.until((tree) => titlesIn(tree, 'Available').includes(TINY.title));
    expect(host.desktop.callsTo('confirm')).toHaveLength(1);
  });

  test('downloads any model from Hugging Face by owner/name', async () => {
    const command = await open();
    await command.search('someone/model');
    await command.untilText('From Hugging Face');
    await command.select('someone/model');
    await command.act('Download');
    await untilDownloaded(command, 'model');
  });

  test('resumes that download, also one of another client', async () => {
    stall();
    const host = raycast();
    const command = await open(host);
    await command.search('someone/model');
    await command.untilText('From Hugging Face');
    await command.select('someone/model');
    const download = command.act('Download');
    await command.untilText(/Downloading \d+%/);
    await command.search('');
    await command.select('model');
    await command.act('Cancel Download');
    await download;
    await command.until(() => command.actions().includes('Resume Download'));
    expect(toastTitles(host)).toEqual(['Download Cancelled']);
    hub.fault = () => undefined;
    await command.act('Resume Download');
    await untilDownloaded(command, 'model');
    expect(toastTitles(host)).toEqual(['Download Cancelled', 'Downloaded model']);

    // Downloading an installed model again is another request.
    stall();
    const again = command.act('Download Again');
    await command.untilText(/Downloading \d+%/);
    await command.act('Cancel Download');
    await again;
    await command.until(() => command.actions().includes('Download Again'));
    expect(toastTitles(host).slice(2)).toEqual(['Download Cancelled']);
  });

  test('switches models, and keeps the old one if the new one fails to load', async () => {
    placeModel(harness.paths.models, 'another');
    placeModel(harness.paths.models, 'broken');
    const host = raycast({ model: 'fake' });
    const command = await open(host);
    await command.select('another');
    await command.act('Use This Model');
    await command.until((tree) => /Default/.test(readable(row(tree, 'another'))));
    expect(settings()).toMatchObject({ model: 'another' });
    // The preference of the extension overrides the default, and the toast says so.
    expect(host.desktop.callsTo('toast')).toMatchObject([
      { message: expect.stringMatching(/still uses fake/) as unknown },
    ]);
    await command.select('broken');
    await command.act('Use This Model');
    expect(toastTitles(host).at(-1)).toBe('Config.json is cut off');
    expect(settings()).toMatchObject({ model: 'another' });
  });

  test('removes a model after confirmation, and switches to another one', async () => {
    const host = raycast();
    const command = await open(host);
    await command.select(TINY.title);
    await command.act('Download');
    await untilDownloaded(command, TINY.title);
    await command.act('Use This Model');
    await command.until((tree) => /Default/.test(readable(row(tree, TINY.title))));
    host.desktop.confirmAnswer = false;
    await command.act('Remove…');
    expect(isHere(TINY.name)).toBe(true);
    host.desktop.confirmAnswer = true;
    await command.act('Remove…');
    await command.until((tree) => titlesIn(tree, 'Available').includes(TINY.title));
    expect(isHere(TINY.name)).toBe(false);
    expect(readable(row(command.tree, STARTER))).toMatch(/Default/);
  });

  test('finds a damaged file and downloads it again', async () => {
    const host = raycast();
    const command = await open(host);
    await command.select(TINY.title);
    await command.act('Download');
    await untilDownloaded(command, TINY.title);
    await command.act('Verify Files');
    expect(toastTitles(host).at(-1)).toBe('Whisper tiny is intact');
    const weights = join(harness.paths.models, TINY.name, 'weights.safetensors');
    const before = readFileSync(weights);
    writeFileSync(weights, Buffer.from(before).fill(7, 1000, 1100));
    await command.act('Verify Files');
    expect(host.desktop.callsTo('toast').at(-1)).toMatchObject({
      title: 'Whisper tiny Is Damaged',
      message: 'weights.safetensors is changed',
      actions: ['Download Again'],
    });
    await command.act('Download Again');
    expect(readFileSync(weights).equals(before)).toBe(true);
  });

  test('frees memory', async () => {
    const command = await open();
    await command.untilText('In Memory');
    await command.act('Free Memory');
    await command.until((tree) => !readable(tree).includes('In Memory'));
  });

  test('reconnects to a restarted daemon', async () => {
    const command = await open();
    await command.untilText('In Memory');
    const pid = await killDaemon();
    placeModel(harness.paths.models, 'newcomer');
    await command.until((tree) => titlesIn(tree, 'On This Mac').includes('newcomer'));
    const status = JSON.parse(await harness.sotto('daemon', 'status', '--json')) as { pid: number };
    expect(status.pid).not.toBe(pid);
  });

  test('keeps the list and shows the error if the daemon does not restart', async () => {
    const sotto = join(harness.paths.home, 'sotto.mjs');
    symlinkSync(launcher, sotto);
    const command = await open(raycast({ sotto }));
    rmSync(sotto);
    await killDaemon();
    await command.untilText('Sotto wasn’t found at');
    expect(titlesIn(command.tree, 'Couldn’t Refresh')).toEqual([`Sotto wasn’t found at ${sotto}`]);
    expect(titlesIn(command.tree, 'On This Mac')).toContain('fake');
    symlinkSync(launcher, sotto);
    await command.act('Try Again');
    await command.until((tree) => titlesIn(tree, 'Couldn’t Refresh').length === 0);
    await command.until((tree) => titlesIn(tree, 'On This Mac').includes('fake'));
  });

  test('explains an empty list', async () => {
    const host = raycast({ sotto: '/none/sotto' });
    const command = host.launch('models');
    await command.untilText('Sotto wasn’t found at /none/sotto');
    expect(command.actions()).toEqual(['Try Again', 'Check Setup']);
  });
});

/** Titles of the rows in a section. */
function titlesIn(tree: TreeNode | undefined, section: string): string[] {
  const found = findAll(tree, 'List.Section').find(({ props }) => props.title === section);
  return findAll(found, 'List.Item').map((item) => textOf(item, 'title'));
}

function row(tree: TreeNode | undefined, title: string): TreeNode | undefined {
  return findAll(tree, 'List.Item').find((item) => textOf(item, 'title') === title);
}

function toastTitles({ desktop }: RaycastHost): string[] {
  return desktop.callsTo('toast').map((toast) => (toast as { title: string }).title);
}

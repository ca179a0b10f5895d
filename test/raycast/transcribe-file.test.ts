import { copyFileSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { expect, test } from '@jest/globals';
import { scriptedTexts, writeFakeAudio, type FakeScript } from '#test/harness/fake-audio.js';
import { until } from '#test/harness/wait.js';
import { whyNoEngine, jfk, JFK_TEXT } from '#test/harness/real-engine.js';
import { describeUnless } from '#test/harness/skipping.js';
import { whyNotBuilt } from './build-extension.js';
import type { RaycastHost } from './raycast-host.js';
import type { RunningCommand } from './running-command.js';
import { sottoHarness } from './sotto-harness.js';
import { find, findAll, textOf, type TreeNode } from './tree.js';

const reason = await whyNotBuilt();
const describeBuilt = describeUnless(reason);

const realEngine = fileURLToPath(new URL('../../daemon/src/engine/main.js', import.meta.url));

function spoken(segments: number): string {
  return scriptedTexts(segments).join('').trim();
}

function titles(tree: TreeNode): string[] {
  return findAll(tree, 'List.Item').map((item) => textOf(item, 'title'));
}

/** States of the files, by the tooltips of their icons. */
function states(command: RunningCommand): string[] {
  return findAll(command.tree, 'List.Item').map(({ props }) => (props.icon as { tooltip: string }).tooltip);
}

async function untilStates(command: RunningCommand, ...wanted: string[]): Promise<void> {
  await command.until(() => states(command).join() === wanted.join());
}

describeBuilt('Transcribe File', () => {
  const harness = sottoHarness();

  function audio(name: string, script: Partial<FakeScript> = {}): string {
    return writeFakeAudio(join(harness.paths.home, name), script);
  }

  /** A Raycast with files selected in the frontmost Finder. */
  function selecting(...paths: string[]): RaycastHost {
    const host = harness.raycast({});
    host.desktop.showFinder(...paths);
    return host;
  }

  /** @returns its process id */
  async function killDaemon(): Promise<number> {
    const { pid } = JSON.parse(await harness.sotto('daemon', 'status', '--json')) as { pid: number };
    process.kill(pid, 'SIGKILL');
    return pid;
  }

  test('transcribes the files selected in Finder, and pastes one text', async () => {
    const paths = [audio('a.wav', { segments: 2 }), audio('b.wav', { segments: 3 }), audio('c.wav')];
    const host = selecting(...paths);
    const command = host.launch('transcribe-file');
    await untilStates(command, 'Done', 'Done', 'Done');
    expect(titles(await command.until(() => true))).toEqual(['a.wav', 'b.wav', 'c.wav']);
    await command.select('b.wav');
    await command.until(() => command.actions().includes('Paste'));
    await command.act('Paste');
    await command.done();
    expect(host.desktop.pasted).toBe(spoken(3));
  });

  test('shows the progress of a file and its words as they are decoded', async () => {
    const command = selecting(audio('long.wav', { segments: 40, delayMs: 150, texts: 1 })).launch(
      'transcribe-file',
    );
    await command.untilText(/\b[1-9]\d?%/);
    await command.untilText('segment 7');
    expect(command.text()).toContain('Transcribing…');
    expect(command.text()).toMatch(/0:\d\d of 0:40/);
    await untilStates(command, 'Done');
  });

  test('continues in the background, and does not add a file twice', async () => {
    const host = selecting(audio('long.wav', { segments: 60, delayMs: 30 }));
    const first = host.launch('transcribe-file');
    await first.untilText('segment 3');
    await first.pop();
    const second = host.launch('transcribe-file');
    await second.untilText('segment');
    expect(titles(await second.until(() => true))).toEqual(['long.wav']);
    await untilStates(second, 'Done');
    await second.untilText('segment 59');
    await second.pop();
    const third = host.launch('transcribe-file');
    await untilStates(third, 'Done');
  });

  test('adds the audio files of a folder, and reports one without', async () => {
    const folder = join(harness.paths.home, 'Talks');
    mkdirSync(join(folder, 'deeper'), { recursive: true });
    for (const name of ['10.wav', '9.wav', 'deeper/no.wav']) writeFakeAudio(join(folder, name));
    writeFileSync(join(folder, 'notes.txt'), 'no sound');
    const command = selecting(folder).launch('transcribe-file');
    await untilStates(command, 'Done', 'Done');
    expect(titles(await command.until(() => true))).toEqual(['9.wav', '10.wav']);

    const empty = join(harness.paths.home, 'Empty');
    mkdirSync(empty);
    const host = selecting(empty);
    const second = host.launch('transcribe-file');
    await untilStates(second, 'Done', 'Done');
    await until(() => host.desktop.callsTo('toast').length > 0);
    expect(host.desktop.callsTo('toast')).toMatchObject([{ title: 'No audio files in “Empty”' }]);
  });

  test('opens the file picker for a folder without audio', async () => {
    const folder = join(harness.paths.home, 'Empty');
    mkdirSync(folder);
    const command = selecting(folder).launch('transcribe-file');
    await command.until((tree) => tree.type === 'Form');
    await command.untilText('No audio files in “Empty”');
  });

  test('opens the file picker if nothing is selected', async () => {
    const path = audio('chosen.wav');
    const command = harness.raycast({}).launch('transcribe-file');
    await command.until((tree) => tree.type === 'Form');
    await command.fill('files', []);
    await command.act('Transcribe');
    await command.until((tree) => find(tree, ({ props }) => props.error === 'Choose a file') !== undefined);
    await command.fill('files', [path]);
    await command.act('Transcribe');
    await untilStates(command, 'Done');
  });

  test('falls back to the clipboard: copied files, file URLs, paths', async () => {
    const one = audio('one talk.wav', { segments: 1 });
    audio('two.wav', { segments: 2 });
    const host = harness.raycast({});
    host.desktop.clipboard = [{ text: 'one talk.wav\ntwo.wav', file: pathToFileURL(one).href }];
    const copied = host.launch('transcribe-file');
    await untilStates(copied, 'Done', 'Done');
    await copied.pop();
    host.desktop.clipboard = [{ text: `'${audio('three.wav')}'` }];
    const command = host.launch('transcribe-clipboard');
    await untilStates(command, 'Done', 'Done', 'Done');
    expect(titles(await command.until(() => true))).toEqual(['three.wav', 'one talk.wav', 'two.wav']);
  });

  test('ignores ordinary text on the clipboard', async () => {
    const host = harness.raycast({});
    host.desktop.clipboard = [{ text: '/ is the root\nand this is prose' }];
    const command = host.launch('transcribe-clipboard');
    await command.untilText('No Files on the Clipboard');
    expect(command.actions()).toEqual(['Choose Files…']);
  });

  test('reports an unreadable clipboard, and still offers the file picker', async () => {
    const host = harness.raycast({});
    host.desktop.isClipboardReadable = false;
    const command = host.launch('transcribe-clipboard');
    await command.untilText('No Files on the Clipboard');
    expect(command.actions()).toEqual(['Choose Files…']);
    expect(host.desktop.callsTo('toast')).toMatchObject([{ title: 'Could not read the clipboard' }]);
  });

  test('saves next to the file in every format without overwriting', async () => {
    const path = audio('talk.wav', { segments: 2 });
    writeFileSync(join(harness.paths.home, 'talk.srt'), 'mine');
    const host = selecting(path);
    const command = host.launch('transcribe-file');
    await untilStates(command, 'Done');
    for (const form of ['Text', 'SRT Subtitles', 'WebVTT Subtitles', 'JSON', 'SRT Subtitles']) {
      await command.act(`Save as ${form}`);
    }
    const written = (name: string): string => readFileSync(join(harness.paths.home, name), 'utf8');
    expect(written('talk.srt')).toBe('mine');
    expect(written('talk.txt')).toBe('segment 0\nsegment 1\n');
    expect(written('talk 2.srt')).toContain('00:00:00,000 --> 00:00:01,000\nsegment 0\n');
    expect(written('talk 3.srt')).toBe(written('talk 2.srt'));
    expect(written('talk.vtt')).toMatch(/^WEBVTT\n\n/);
    expect(JSON.parse(written('talk.json'))).toMatchObject({ file: path, text: spoken(2), language: 'en' });
    expect(host.desktop.callsTo('toast')).toContainEqual(
      expect.objectContaining({ title: 'Saved as talk 3.srt' }),
    );
    await command.untilText('talk 3.srt');
    await command.act('Show in Finder');
    expect(host.desktop.callsTo('showInFinder')).toEqual([join(harness.paths.home, 'talk 3.srt')]);
    expect(command.actions()).toContain('Open Saved File');
  });

  test('saves all files at once', async () => {
    const command = selecting(audio('a.wav'), audio('b.wav')).launch('transcribe-file');
    await untilStates(command, 'Done', 'Done');
    await command.act('Save All as Text');
    const texts = readdirSync(harness.paths.home).filter((name) => name.endsWith('.txt'));
    expect(texts.sort()).toEqual(['a.txt', 'b.txt']);
  });

  test('cancels one file, then all, and retries a cancelled one', async () => {
    const long = { segments: 2_000, delayMs: 20 };
    const host = selecting(audio('a.wav', long), audio('b.wav', long), audio('c.wav', long));
    const command = host.launch('transcribe-file');
    await command.untilText('segment 2');
    host.desktop.confirmAnswer = false;
    await command.select('a.wav');
    await command.act('Cancel');
    expect(states(command)).toContain('Transcribing…');
    host.desktop.confirmAnswer = true;
    await command.act('Cancel');
    await command.until(() => states(command)[0] === 'Cancelled');
    await command.untilText('segment 0');
    await command.act('Cancel All');
    await untilStates(command, 'Cancelled', 'Cancelled', 'Cancelled');
    audio('a.wav', { segments: 1 });
    await command.act('Try Again');
    await untilStates(command, 'Done', 'Cancelled', 'Cancelled');
    await command.select('c.wav');
    await command.act('Remove All Finished');
    await command.until((tree) => findAll(tree, 'List.Item').length === 0);
  });

  test('transcribes again in another language or with another model, and keeps the text', async () => {
    mkdirSync(join(harness.paths.models, 'other'), { recursive: true });
    const command = selecting(audio('a.wav')).launch('transcribe-file');
    await untilStates(command, 'Done');
    await command.act('Transcribe in Another Language…');
    await command.untilText('German');
    await command.select('German');
    await command.act('Select');
    await untilStates(command, 'Done', 'Done');
    await command.select('a.wav');
    await command.act('Transcribe with Another Model…');
    await command.untilText(/^other$/m);
    await command.select('other');
    await command.act('Transcribe');
    await untilStates(command, 'Done', 'Done', 'Done');
    const models = findAll(command.tree, 'List.Item.Detail.Metadata.Label').filter(
      ({ props }) => props.title === 'Model',
    );
    expect(models.map((label) => textOf(label, 'text'))).toEqual(['other', 'fake', 'fake']);
  });

  test('explains a failed file, and transcribes the others', async () => {
    const broken = join(harness.paths.home, 'picture.png');
    writeFileSync(broken, 'no sound at all');
    const command = selecting(broken, audio('fine.wav')).launch('transcribe-file');
    await untilStates(command, 'Failed', 'Done');
    await command.select('picture.png');
    await command.untilText('This is not audio');
    audio('picture.png', { segments: 1 });
    await command.act('Try Again');
    await untilStates(command, 'Done', 'Done');
  });

  test('restarts a dead daemon with the same queue', async () => {
    const long = audio('long.wav', { segments: 900, delayMs: 20 });
    const command = selecting(audio('a.wav'), long).launch('transcribe-file');
    await command.until(() => states(command).join() === 'Done,Transcribing…');
    await command.select('a.wav');
    await command.until(() => command.actions().includes('Paste'));
    const first = await killDaemon();
    await command.until(() => states(command).join() === 'Transcribing…,Done');
    expect(await killDaemon()).not.toBe(first);
    // After two deaths, the file may be the cause.
    await untilStates(command, 'Failed', 'Done');
    expect(command.text()).toContain('Sotto stopped during this file');
    expect(command.actions()).toContain('Paste');
    audio('long.wav', { segments: 2 });
    await command.select('long.wav');
    await command.act('Try Again');
    await untilStates(command, 'Done', 'Done');
    expect(titles(await command.until(() => true))).toEqual(['long.wav', 'a.wav']);
  });

  test('says what to do if Sotto is not installed', async () => {
    const host = harness.raycast({}, { preferences: { sotto: '/nowhere/sotto' } });
    host.desktop.showFinder(audio('a.wav'));
    const command = host.launch('transcribe-file');
    await command.untilText('Sotto wasn’t found at /nowhere/sotto');
    expect(command.actions()).toEqual(['Try Again']);
  });

  test('uses the language and model in the preferences', async () => {
    const host = harness.raycast({}, { preferences: { model: 'no-such-model' } });
    host.desktop.showFinder(audio('a.wav'));
    const command = host.launch('transcribe-file');
    await untilStates(command, 'Failed');
    expect(command.text()).toContain('no-such-model');
  });

  test('reports refused files, and keeps the list', async () => {
    const host = selecting(audio('a.wav'));
    const first = host.launch('transcribe-file');
    await untilStates(first, 'Done');
    await first.pop();
    host.desktop.showFinder(audio('b.wav'));
    const second = host.launch('transcribe-file', { preferences: { model: 'm'.repeat(5_000) } });
    await until(() => host.desktop.callsTo('toast').length > 0);
    expect(host.desktop.callsTo('toast')).toMatchObject([{ style: 'FAILURE' }]);
    await untilStates(second, 'Done');
    expect(titles(await second.until(() => true))).toEqual(['a.wav']);
  });

  test('returns the text to Raycast AI, or the reason why there is none', async () => {
    const host = harness.raycast({});
    expect(await host.callTool('transcribe-file', { path: audio('a.wav', { segments: 2 }) })).toBe(spoken(2));
    await expect(host.callTool('transcribe-file', { path: '/nowhere.wav' })).rejects.toThrow(
      'there is no such file (check the path)',
    );
  });
});

const describeReal = describeUnless(reason ?? whyNoEngine());

describeReal('Transcribe File with the real engine', () => {
  const harness = sottoHarness();

  function raycast(): RaycastHost {
    // Without settings, Sotto uses the included model.
    writeFileSync(harness.paths.settings, '{}');
    return harness.raycast({}, { env: { SOTTO_ENGINE: realEngine } });
  }

  test('makes text and subtitles of a speech selected in Finder', async () => {
    const talk = join(harness.paths.home, 'talk.flac');
    copyFileSync(jfk, talk);
    const host = raycast();
    host.desktop.showFinder(talk);
    const command = host.launch('transcribe-file');
    await command.until(() => /^(Done|Failed)$/.test(states(command).join()), 240_000);
    await command.until(() => command.actions().includes('Copy'));
    await command.act('Save as SRT Subtitles');
    const subtitles = readFileSync(join(harness.paths.home, 'talk.srt'), 'utf8');
    expect(wordsOf(subtitles.replace(/^\d+$|^.* --> .*$/gm, ''))).toEqual(wordsOf(JFK_TEXT));
    await command.act('Copy');
    await command.done();
    expect(wordsOf(host.desktop.clipboard[0]?.text ?? '')).toEqual(wordsOf(JFK_TEXT));
  });

  test('transcribes a speech for Raycast AI', async () => {
    const text = await raycast().callTool('transcribe-file', { path: jfk, language: 'en' });
    expect(wordsOf(String(text))).toEqual(wordsOf(JFK_TEXT));
  });
});

function wordsOf(text: string): string[] {
  return text.toLowerCase().match(/[a-z]+/g) ?? [];
}

import {
  chmodSync,
  copyFileSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, test } from '@jest/globals';
import { SottoClient } from '#daemon/client/index.js';
import type { HistoryRequest, HistoryResult } from '#daemon/protocol/index.js';
import { History, type StoredDictation } from '#daemon/store/history/index.js';
import { scriptedTexts, writeFakeAudio } from '#test/harness/fake-audio.js';
import { whyNoEngine, jfk, JFK_TEXT } from '#test/harness/real-engine.js';
import { rampText, SECOND, wordFor, ramp } from '#test/harness/ramp.js';
import { until } from '#test/harness/wait.js';
import { describeUnless } from '#test/harness/skipping.js';
import { whyNotBuilt } from './build-extension.js';
import { isRunning } from '#daemon/is-running.js';
import type { RunningCommand } from './running-command.js';
import { sottoHarness } from './sotto-harness.js';
import { findAll, textOf } from './tree.js';

const reason = await whyNotBuilt();

const realEngine = fileURLToPath(new URL('../../daemon/src/engine/main.js', import.meta.url));
const DAY_MS = 24 * 3600 * 1000;
const RETRANSCRIBED_TEXT = scriptedTexts(3).join('').trim();

describeUnless(reason)('History', () => {
  const harness = sottoHarness();

  /** Writes past dictations, the most recent first. */
  function keep(...dictations: Partial<StoredDictation>[]): void {
    mkdirSync(harness.paths.recordings, { recursive: true });
    const history = History.open(harness.paths.history);
    dictations.forEach((fields, i) =>
      history.add({
        id: `dictation-${i}`,
        startedMs: Date.now() - 1000 * i,
        durationSeconds: 65,
        text: `Words of ${i}.`,
        language: 'de',
        model: 'fake',
        state: 'final',
        ...fields,
      }),
    );
    history.close();
  }

  /** Writes the audio of the first dictation. @param script what the fake engine transcribes */
  function record(script: Parameters<typeof writeFakeAudio>[1] = { segments: 3 }): { audio: string } {
    mkdirSync(harness.paths.recordings, { recursive: true });
    writeFakeAudio(join(harness.paths.recordings, 'dictation-0.wav'), script);
    return { audio: 'dictation-0.wav' };
  }

  async function request(request: HistoryRequest): Promise<HistoryResult> {
    const client = await SottoClient.connect(harness.paths.socket, 'test');
    try {
      return await client.history(request);
    } finally {
      client.close();
    }
  }

  const texts = async (): Promise<string[]> =>
    (await request({ do: 'list', limit: 200 })).dictations.map(({ text }) => text);
  /** Runs an action as soon as it appears. */
  async function act(command: RunningCommand, title: string): Promise<void> {
    await command.until(() => command.actions().includes(title));
    await command.act(title);
  }
  const titles = (command: RunningCommand): string[] =>
    findAll(command.tree, 'List.Item').map((item) => textOf(item, 'title'));

  test('lists dictations by day, the most recent first, with metadata', async () => {
    keep({}, { startedMs: Date.now() - DAY_MS }, { startedMs: Date.now() - 400 * DAY_MS });
    writeFileSync(harness.paths.settings, '{"model": "fake", "history": {"keepDays": 1000}}');
    const command = harness.raycast({}).launch('history');
    await command.untilText('Words of 2.');
    expect(titles(command)).toEqual(['Words of 0.', 'Words of 1.', 'Words of 2.']);
    const days = findAll(command.tree, 'List.Section').map((section) => textOf(section, 'title'));
    expect(days).toEqual(['Today', 'Yesterday', expect.stringMatching(/^\w+day, \w+ \d+, \d{4}$/)]);
    for (const known of ['1:05', 'German', 'fake']) expect(command.text()).toContain(known);
  });

  test('searches all dictations, and says when nothing matches', async () => {
    keep({}, { text: 'Müller called.' });
    const command = harness.raycast({}).launch('history');
    await command.untilText('Words of 0.');
    await command.search('mull');
    await command.until(() => titles(command).length === 1);
    expect(titles(command)).toEqual(['Müller called.']);
    await command.search('xylophone');
    await command.untilText('No Results');
    await command.search('');
    await command.until(() => titles(command).length === 2);
  });

  test('loads more pages until the end', async () => {
    keep(...Array.from({ length: 100 }, () => ({})));
    const command = harness.raycast({}).launch('history');
    for (let before = 0; before < 100; before = titles(command).length) {
      await command.until((tree) => titles(command).length > before && tree.props.isLoading === false);
      if (titles(command).length < 100) await command.loadMore();
    }
    expect(new Set(titles(command)).size).toBe(100);
    expect(command.tree?.props.pagination).toMatchObject({ hasMore: false });
  });

  test('pastes and copies again', async () => {
    keep({}, {});
    const host = harness.raycast({}, { preferences: { trailingSpace: true } });
    const command = host.launch('history');
    await command.untilText('Words of 1.');
    await command.select('Words of 1.');
    await act(command, 'Paste');
    await command.done();
    expect(host.desktop.pasted).toBe('Words of 1. ');
    const again = host.launch('history');
    await again.untilText('Words of 0.');
    await act(again, 'Copy');
    expect(host.desktop.clipboard[0]?.text).toBe('Words of 0.');
  });

  test('marks a recovered dictation until it is pasted', async () => {
    keep({}, { state: 'recovered', text: 'Words before a crash.' });
    const host = harness.raycast({});
    const command = host.launch('history');
    await command.untilText(/Recovered[^]*Recovered after a crash/);
    await command.choose('recovered');
    await command.until(() => titles(command).length === 1);
    await act(command, 'Paste');
    await command.done();
    expect(host.desktop.pasted).toBe('Words before a crash.');
    expect((await request({ do: 'list', limit: 5, state: 'recovered' })).dictations).toEqual([]);
  });

  test('has the text of a killed capture process', async () => {
    const host = harness.raycast({ samples: 60 * SECOND, pauseMs: 10 });
    const first = wordFor(new Uint8Array(ramp(0, SECOND).buffer));
    const dictate = host.launch('dictate');
    await dictate.until((tree) => textOf(tree, 'markdown').includes(first));
    for (const { pid } of dictate.children.alive()) process.kill(pid, 'SIGKILL');
    await until(async () => (await texts()).length === 1);
    const command = host.launch('history');
    await command.untilText('Recovered after a crash');
    await act(command, 'Paste');
    await command.done();
    // The last word is of the second in which the process was killed.
    const whole = host.desktop.pasted.split(' ').slice(0, -1).join(' ');
    expect(whole).toContain(first);
    expect(rampText(60 * SECOND)).toContain(whole);
  });

  test('deletes after confirmation, and restores', async () => {
    keep({}, {});
    const host = harness.raycast({});
    const command = host.launch('history');
    await command.untilText('Words of 1.');
    host.desktop.confirmAnswer = false;
    await act(command, 'Delete');
    expect(await texts()).toHaveLength(2);
    expect(command.actions()).not.toContain('Undo Delete');
    host.desktop.confirmAnswer = true;
    await act(command, 'Delete');
    await command.until(() => titles(command).length === 1);
    expect(await texts()).toEqual(['Words of 1.']);
    await act(command, 'Undo Delete');
    await command.until(() => titles(command).length === 2);
    expect(await texts()).toHaveLength(2);
    expect(command.actions()).not.toContain('Undo Delete');
  });

  test('deletes only the listed dictations, and restores all of them', async () => {
    keep(...Array.from({ length: 30 }, (_, i) => ({ text: i < 10 ? `tea ${i}` : `milk ${i}` })));
    const host = harness.raycast({});
    const command = host.launch('history');
    await command.untilText('milk 29');
    await command.search('tea');
    await command.until(() => titles(command).length === 10);
    await act(command, 'Delete All Shown');
    expect(host.desktop.callsTo('confirm')).toMatchObject([{ title: 'Delete These 10 Dictations?' }]);
    await command.untilText('No Results');
    expect(await texts()).toHaveLength(20);
    await act(command, 'Undo Delete');
    await command.until(() => titles(command).length === 10);
    expect(await texts()).toHaveLength(30);
  });

  /** A player that runs for a minute, and logs its process id and the file. */
  function player(): { env: Record<string, string>; played: () => string[] } {
    const folder = harness.paths.home;
    const script = join(folder, 'player');
    writeFileSync(script, `#!/bin/sh\necho "$$ $1" >> ${folder}/played\nexec sleep 60\n`);
    chmodSync(script, 0o755);
    const log = join(folder, 'played');
    return {
      env: { SOTTO_PLAYER: script },
      played: () => (existsSync(log) ? readFileSync(log, 'utf8').split('\n').filter(Boolean) : []),
    };
  }
  const pidOf = (line: string | undefined): number => Number(line?.split(' ')[0]);

  test('plays one recording at a time until it is stopped or the window closes', async () => {
    keep(record(), record());
    const { env, played } = player();
    const command = harness.raycast({}, { env }).launch('history');
    await command.untilText('Words of 1.');
    await act(command, 'Play');
    await until(() => played().length === 1);
    expect(played()[0]).toContain(join(harness.paths.recordings, 'dictation-0.wav'));
    await act(command, 'Stop Playing');
    await until(() => !isRunning(pidOf(played()[0])));
    await act(command, 'Play');
    await until(() => played().length === 2);
    await command.select('Words of 1.');
    await act(command, 'Play');
    await until(() => played().length === 3 && !isRunning(pidOf(played()[1])));
    expect(isRunning(pidOf(played()[2]))).toBe(true);
    await command.pop();
    await until(() => !isRunning(pidOf(played()[2])) && command.children.alive().length === 0);
  });

  test('reports a playback error', async () => {
    keep(record());
    const host = harness.raycast({}, { env: { SOTTO_PLAYER: '/bin/false' } });
    const command = host.launch('history');
    await command.untilText('Words of 0.');
    await act(command, 'Play');
    await until(() => host.desktop.callsTo('toast').length === 1);
    await command.until(() => command.actions().includes('Play'));
  });

  test('explains a failed dictation and transcribes it again', async () => {
    keep({ ...record(), state: 'failed', errorCode: 'ENGINE_CRASHED', text: '' });
    const command = harness.raycast({}).launch('history');
    await command.untilText(/Failed[^]*couldn’t be transcribed[^]*you can try again/);
    expect(command.actions()[0]).toBe('Transcribe Again');
    await act(command, 'Transcribe Again');
    await command.until(() => titles(command)[0] === RETRANSCRIBED_TEXT);
    expect(await texts()).toEqual([RETRANSCRIBED_TEXT]);
    expect(command.text()).not.toContain('couldn’t be transcribed');
  });

  test('transcribes again with another model', async () => {
    mkdirSync(join(harness.paths.models, 'other'));
    keep(record());
    const command = harness.raycast({}).launch('history');
    await command.untilText('Words of 0.');
    await act(command, 'Transcribe with Another Model');
    await command.untilText('Current transcript');
    await command.select('other');
    await act(command, 'Transcribe');
    await command.until(() => titles(command)[0] === RETRANSCRIBED_TEXT);
    const [now] = (await request({ do: 'get', id: 'dictation-0' })).dictations;
    expect(now).toMatchObject({ text: RETRANSCRIBED_TEXT, model: 'other' });
  });

  test('keeps the text if there is no speech this time or it fails', async () => {
    keep(record({ segments: 0 }), {});
    const host = harness.raycast({});
    const command = host.launch('history');
    await command.untilText('Words of 0.');
    const again = async (): Promise<void> => {
      await act(command, 'Transcribe with Another Model');
      await command.untilText('Current transcript');
      await command.select('fake');
      await act(command, 'Transcribe');
      await command.untilText('Words of 0.');
      await command.select('Words of 0.');
    };
    await again();
    const last = (): unknown => host.desktop.callsTo('toast').at(-1);
    await until(() => JSON.stringify(last()).includes('No Speech Detected'));
    record({ failAfter: 0 });
    await again();
    await until(() => JSON.stringify(last()).includes('As the script says'));
    expect(await texts()).toEqual(['Words of 0.', 'Words of 1.']);
  });

  test('exports one and all without overwriting a file', async () => {
    keep(
      { text: 'Say "hi", and\ngo.' },
      { text: 'Two.', words: [{ word: 'Two.', start: 0, end: 1, probability: 1 }] },
    );
    const host = harness.raycast({}, { env: { HOME: harness.paths.home } });
    const folder = join(harness.paths.home, 'Downloads');
    const read = (name: string): string => readFileSync(join(folder, name), 'utf8');
    const command = host.launch('history');
    await command.untilText('Two.');
    for (const what of [
      'Export All as CSV',
      'Export All as CSV',
      'Export All as Markdown',
      'Export All as JSON',
    ])
      await act(command, what);
    const names = readdirSync(folder).sort();
    expect(names).toEqual(['Dictations 2.csv', 'Dictations.csv', 'Dictations.json', 'Dictations.md']);
    expect(read('Dictations.csv').split('\r\n')[1]).toMatch(
      /^\d{4}-.*,65,final,de,fake,"Say ""hi"", and\ngo\.",dictation-0$/,
    );
    expect(read('Dictations 2.csv')).toBe(read('Dictations.csv'));
    expect(JSON.parse(read('Dictations.json'))).toMatchObject([
      { id: 'dictation-0' },
      { id: 'dictation-1', text: 'Two.' },
    ]);
    expect(read('Dictations.md')).toContain('Two.');
    await command.select('Two.');
    await act(command, 'Export as Text');
    await act(command, 'Export as JSON');
    const own = readdirSync(folder).filter((name) => name.startsWith('Dictation 2'));
    expect(own.map((name) => name.replace(/[\d-]{10} \d\d\.\d\d/, 'WHEN')).sort()).toEqual([
      'Dictation WHEN.json',
      'Dictation WHEN.txt',
    ]);
    expect(read(own.find((name) => name.endsWith('txt')) ?? '')).toBe('Two.\n');
    expect(read(own.find((name) => name.endsWith('json')) ?? '')).toContain('"probability": 1');
    expect(host.desktop.callsTo('toast').at(-1)).toMatchObject({ actions: ['Show in Finder'] });
  });

  test('applies the retention preference, and confirms before deleting', async () => {
    keep({}, { startedMs: Date.now() - 8 * DAY_MS });
    const host = harness.raycast({}, { preferences: { keepDays: '7' } });
    host.desktop.confirmAnswer = false;
    const first = host.launch('history');
    await first.untilText('Words of 1.');
    await until(() => host.desktop.callsTo('confirm').length === 1);
    await first.pop();
    // Declined once, it does not ask again.
    const second = host.launch('history');
    await second.untilText('Words of 1.');
    await new Promise((resolve) => setTimeout(resolve, 300));
    expect(host.desktop.callsTo('confirm')).toHaveLength(1);
    await second.pop();
    const more = host.launch('history', { preferences: { keepDays: '365', keepAudio: 'yes' } });
    await until(async () => (await request({ do: 'keep' })).retention?.days === 365);
    expect((await request({ do: 'keep' })).retention).toEqual({ days: 365, audio: true, compact: false });
    expect(host.desktop.callsTo('confirm')).toHaveLength(1);
    await more.pop();
    const compact = host.launch('history', { preferences: { keepDays: '365', keepAudio: 'compact' } });
    await until(async () => (await request({ do: 'keep' })).retention?.compact === true);
    await compact.pop();
    host.desktop.confirmAnswer = true;
    host.launch('history', { preferences: { keepDays: '1' } });
    await until(async () => (await texts()).length === 1);
    expect((await request({ do: 'keep' })).retention).toEqual({ days: 1, audio: true, compact: true });
  });

  test('saves the audio of later dictations if preferred', async () => {
    const host = harness.raycast({ samples: 2 * SECOND }, { preferences: { keepAudio: 'yes' } });
    const first = host.launch('history');
    await first.untilText('with audio');
    await first.pop();
    const dictate = host.launch('dictate');
    await dictate.untilText('0:02');
    await dictate.act('Finish and Copy');
    const { env, played } = player();
    const command = harness.raycast({}, { env, preferences: { keepAudio: 'yes' } }).launch('history');
    await act(command, 'Play');
    await until(() => played().length === 1);
    expect(statSync(played()[0]?.split(' ')[1] ?? '').size).toBe(58 + 2 * SECOND * 2);
  });

  test('explains an unavailable daemon and invalid settings', async () => {
    const lost = harness.raycast({}, { env: { SOTTO_BIN: '/nowhere/sotto' } }).launch('history');
    await lost.untilText(/Couldn’t Load History[^]*Sotto wasn’t found at[^]*preferences/);
    const command = harness.raycast({}).launch('history');
    await command.untilText(/No Dictations Yet[^]*They’re kept for 30 days/);
    expect(command.actions()).toEqual(['Dictate', 'Refresh']);
    keep({});
    await act(command, 'Refresh');
    await command.untilText('Words of 0.');
  });

  test('pastes the most recent text, starting the daemon if needed', async () => {
    keep({ text: '', state: 'failed' }, { state: 'recovered' }, {});
    const host = harness.raycast({});
    await host.launch('paste-last-transcript').done();
    expect(host.desktop.pasted).toBe('Words of 1.');
    expect((await request({ do: 'list', limit: 5, state: 'recovered' })).dictations).toEqual([]);
  });

  test('lets Raycast AI read the last dictation and search past ones', async () => {
    const host = harness.raycast({});
    expect(await host.callTool('get-last-transcript', {})).toBe('There are no dictations yet.');
    keep({}, { text: 'The invoice of Müller.' });
    expect(await host.callTool('get-last-transcript', {})).toBe('Words of 0.');
    expect(await host.callTool('search-history', { query: 'muller invoice' })).toMatchObject({
      dictations: [{ text: 'The invoice of Müller.', seconds: 65, language: 'de' }],
      hasMore: false,
    });
    expect(await host.callTool('search-history', { query: '', limit: 1 })).toMatchObject({
      dictations: [{ text: 'Words of 0.' }],
      hasMore: true,
    });
  });
});

const describeReal = describeUnless(reason ?? whyNoEngine());

describeReal('History with the real engine', () => {
  const harness = sottoHarness();

  test('transcribes a failed dictation from its audio', async () => {
    // Without settings, Sotto uses the included model.
    writeFileSync(harness.paths.settings, '{}');
    mkdirSync(harness.paths.recordings, { recursive: true });
    copyFileSync(jfk, join(harness.paths.recordings, 'speech.flac'));
    const history = History.open(harness.paths.history);
    history.add({
      id: 'speech',
      startedMs: Date.now(),
      durationSeconds: 11,
      text: '',
      model: 'whisper-base-6bit',
      state: 'failed',
      errorCode: 'ENGINE_CRASHED',
      audio: 'speech.flac',
    });
    history.close();
    const host = harness.raycast({}, { env: { SOTTO_ENGINE: realEngine } });
    const command = host.launch('history');
    await command.untilText('you can try again');
    await command.act('Transcribe Again');
    await command.until(() => command.actions().includes('Paste'));
    await command.act('Paste');
    await command.done();
    const words = (text: string): string[] => text.toLowerCase().match(/[a-z]+/g) ?? [];
    expect(words(host.desktop.pasted)).toEqual(words(JFK_TEXT));
  });
});

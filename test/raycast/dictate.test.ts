import { expect, test } from '@jest/globals';
import { mkdtempSync, readdirSync, rmdirSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { CaptureClient, followDictation, SottoClient } from '#daemon/client/index.js';
import { rampText, SECOND, wordFor, ramp } from '#test/harness/ramp.js';
import { isRunning, until } from '#test/harness/wait.js';
import { describeUnless } from '#test/harness/skipping.js';
import { whyNotBuilt } from './build-extension.js';
import type { RaycastHost } from './raycast-host.js';
import { sottoHarness } from './sotto-harness.js';
import { textOf } from './tree.js';

const reason = await whyNotBuilt();

const FIRST = wordFor(new Uint8Array(ramp(0, SECOND).buffer));

describeUnless(reason)('Dictate', () => {
  const harness = sottoHarness();

  /** Waits until the whole recording of some seconds is shown. */
  async function dictate(seconds: number, host: RaycastHost): Promise<ReturnType<RaycastHost['launch']>> {
    const command = host.launch('dictate');
    await command.untilText(`0:0${seconds}`);
    return command;
  }

  test('records at once and shows words while the user speaks', async () => {
    const command = harness.raycast({ samples: 60 * SECOND, pauseMs: 20 }).launch('dictate');
    const first = await command.until((tree) => textOf(tree, 'markdown').includes(FIRST));
    const markdown = textOf(first, 'markdown');
    await command.until((tree) => textOf(tree, 'markdown').length > markdown.length + 9);
    expect(command.text()).toContain('Built-in Microphone');
    expect(command.text()).toContain('fake');
  });

  test('pastes into the frontmost app and closes', async () => {
    const host = harness.raycast({ samples: 4 * SECOND });
    const command = await dictate(4, host);
    await command.act('Finish and Paste');
    await command.done();
    expect(host.desktop.pasted).toBe(rampText(4 * SECOND));
    expect(command.children.started).toHaveLength(1);
  });

  test('reuses one process for all dictations, which leaves no zombies', async () => {
    const host = harness.raycast({ samples: SECOND });
    for (let time = 1; time <= 3; time++) {
      const command = await dictate(1, host);
      await command.act('Finish and Paste');
      await command.done();
    }
    expect(host.desktop.pasted).toBe(rampText(SECOND).repeat(3));
    const started = host.launched.flatMap(({ children }) => children.started);
    expect(started).toHaveLength(1);
    expect(started.every(({ pid }) => isRunning(pid))).toBe(true);
  });

  test('restores the clipboard, unless something else was copied', async () => {
    const host = harness.raycast({ samples: SECOND });
    host.desktop.clipboard = [{ text: 'b.m4a', file: 'file:///tmp/b.m4a' }];
    await (await dictate(1, host)).act('Finish and Paste');
    await host.launched.at(-1)?.done();
    expect(host.desktop.pasted).toBe(rampText(SECOND));
    expect(host.desktop.clipboard[0]).toMatchObject({ file: '/tmp/b.m4a' });
    await (await dictate(1, host)).act('Finish and Paste');
    await until(() => host.desktop.clipboard[0]?.text === rampText(SECOND));
    host.desktop.clipboard.unshift({ text: 'newer' });
    await host.launched.at(-1)?.done();
    expect(host.desktop.clipboard[0]).toEqual({ text: 'newer' });
  });

  test('gives a slow app the text before it restores the clipboard', async () => {
    const host = harness.raycast({ samples: SECOND });
    host.desktop.clipboard = [{ text: 'older' }];
    host.desktop.pasteDelayMs = 900;
    await (await dictate(1, host)).act('Finish and Paste');
    await host.launched.at(-1)?.done();
    expect(host.desktop.pasted).toBe(rampText(SECOND));
    expect(host.desktop.clipboard[0]).toEqual({ text: 'older' });
    expect(host.desktop.callsTo('hud')).toEqual(['Pasted']);
  });

  test('does not restore several files, or a file on another machine', async () => {
    const host = harness.raycast({ samples: SECOND });
    for (const copied of [
      { text: 'a.m4a\nb.m4a', file: 'file:///tmp/a.m4a' },
      { text: 'a.m4a', file: 'file://another.local/a.m4a' },
    ]) {
      host.desktop.pasted = '';
      host.desktop.clipboard = [copied];
      await (await dictate(1, host)).act('Finish and Paste');
      await host.launched.at(-1)?.done();
      expect(host.desktop.pasted).toBe(rampText(SECOND));
      expect(host.desktop.callsTo('copy')).toEqual([]);
      expect(host.desktop.callsTo('hud').at(-1)).toBe('Pasted');
    }
  });

  test('changes language and microphone during a dictation without losing audio', async () => {
    const devices = ['Built-in Microphone', 'USB Microphone'];
    const host = harness.raycast({ samples: 60 * SECOND, pauseMs: 20, devices });
    const command = host.launch('dictate');
    await command.until((tree) => textOf(tree, 'markdown').includes(FIRST));
    await command.act('Change Language');
    await command.untilText('German');
    await command.select('German');
    await command.act('Select');
    await command.until((tree) => tree.type === 'Detail');
    const capture = await CaptureClient.connect(harness.paths.capture);
    if (capture === undefined) throw new Error('no dictation is active');
    const connect = () => SottoClient.connect(harness.paths.socket, 'test');
    for await (const { requested, committed } of followDictation(capture, connect)) {
      if (requested.language === 'de' && committed.includes(FIRST)) break;
    }
    await command.act('Change Microphone');
    await command.until(() => command.text().includes('USB Microphone'));
    await command.select('USB Microphone');
    await command.act('Select');
    await command.until((tree) => tree.type === 'Detail' && command.text().includes('USB Microphone'));
    await command.act('Finish and Paste');
    await command.done();
    expect(host.desktop.pasted).toContain(FIRST);
  });

  test('lowercases the first letter if preferred', async () => {
    // The fake engine's words have no capitals.
    await harness.sotto('vocabulary', 'replace', FIRST, 'Shaun');
    const host = harness.raycast({ samples: SECOND }, { preferences: { capitalization: 'lowercase' } });
    await (await dictate(1, host)).act('Finish and Paste');
    await host.launched.at(-1)?.done();
    expect(host.desktop.pasted).toBe('shaun');
  });

  test('finds a Sotto in another folder by its socket, and starts no other', async () => {
    const elsewhere = mkdtempSync(join(tmpdir(), 'sotto-'));
    const host = harness.raycast(
      { samples: 2 * SECOND },
      { env: { SOTTO_HOME: elsewhere }, preferences: { socket: harness.paths.socket } },
    );
    const command = await dictate(2, host);
    await command.act('Finish and Paste');
    await command.done();
    expect(host.desktop.pasted).toBe(rampText(2 * SECOND));
    expect(await harness.sotto('history', 'list', '--json')).toContain(rampText(2 * SECOND));
    expect(readdirSync(elsewhere)).toEqual([]);
    rmdirSync(elsewhere);
  });

  test('reports an invalid socket', async () => {
    const host = harness.raycast({}, { preferences: { socket: '/tmp/other.sock' } });
    await host.launch('dictate').untilText('other.sock isn’t a Sotto socket');
  });

  test('pastes and restores the clipboard although Raycast pops to root immediately', async () => {
    const host = harness.raycast({ samples: 4 * SECOND }, { popToRoot: 'immediately' });
    host.desktop.clipboard = [{ text: 'from before' }];
    const command = await dictate(4, host);
    await command.act('Finish and Paste');
    await command.done();
    expect(host.desktop.pasted).toBe(rampText(4 * SECOND));
    expect(host.desktop.clipboard[0]).toEqual({ text: 'from before' });
  });

  test('finishes a dictation in the background when its window closes', async () => {
    const host = harness.raycast({ samples: 3 * SECOND });
    const command = await dictate(3, host);
    await command.pop();
    await until(async () =>
      (await harness.sotto('history', 'list', '--json')).includes(rampText(3 * SECOND)),
    );
    expect(host.desktop.pasted).toBe('');
  });

  test('keeps listening if preferred, and the next command joins', async () => {
    const host = harness.raycast(
      // In real time: a microphone that gives nothing for 3 s would be opened again, and start over.
      { samples: 60 * SECOND, pauseMs: 100 },
      { preferences: { keepListening: true } },
    );
    const command = host.launch('dictate');
    await command.until((tree) => textOf(tree, 'markdown').includes(FIRST));
    await command.pop();
    await new Promise((resolve) => setTimeout(resolve, 2_500));
    const resumed = await dictate(6, host);
    await resumed.act('Finish and Paste');
    await resumed.done();
    // The last word is of less than a second, and the clock on the screen rounds.
    const words = host.desktop.pasted.split(' ').slice(0, -1);
    expect(words.length).toBeGreaterThanOrEqual(5);
    expect(words).toEqual(
      rampText(60 * SECOND)
        .split(' ')
        .slice(0, words.length),
    );
  });

  test('copies if preferred, and adds a space after pasted text', async () => {
    const host = harness.raycast({ samples: 2 * SECOND }, { preferences: { trailingSpace: true } });
    const command = await dictate(2, host);
    await command.act('Finish and Copy');
    await command.done();
    expect(host.desktop.clipboard[0]).toEqual({ text: rampText(2 * SECOND) });
    const second = await dictate(2, host);
    await second.act('Finish and Paste');
    await second.done();
    expect(host.desktop.pasted).toBe(`${rampText(2 * SECOND)} `);
  });

  test('restores a cancelled dictation', async () => {
    const host = harness.raycast({ samples: 3 * SECOND });
    const command = await dictate(3, host);
    await command.act('Cancel');
    await command.until(() => command.actions().includes('Undo Cancel'));
    await command.act('Undo Cancel');
    await command.until(() => command.actions().includes('Paste'));
    await command.act('Paste');
    await command.done();
    expect(host.desktop.pasted).toBe(rampText(3 * SECOND));
  });

  test('pauses and resumes', async () => {
    const host = harness.raycast({ samples: 100 * SECOND, pauseMs: 20 });
    const command = host.launch('dictate');
    await command.until((tree) => textOf(tree, 'markdown').includes(FIRST));
    await command.act('Pause');
    await command.untilText('Paused');
    await command.act('Resume');
    await command.untilText('Listening');
    await command.act('Finish and Paste');
    await command.done();
    expect(host.desktop.pasted).toContain(FIRST);
  });

  test('says that there is no audio from the microphone', async () => {
    const host = harness.raycast({ samples: 20 * SECOND, silent: true });
    const command = host.launch('dictate');
    await command.untilText('No signal');
    expect(command.actions()).toContain('Open Microphone Settings');
  });

  test('loses nothing when the daemon dies', async () => {
    const host = harness.raycast({ samples: 40 * SECOND, pauseMs: 10 });
    const command = host.launch('dictate');
    await command.until((tree) => textOf(tree, 'markdown').includes(FIRST));
    const { pid } = JSON.parse(await harness.sotto('daemon', 'status', '--json')) as { pid: number };
    process.kill(pid, 'SIGKILL');
    await command.untilText('0:40');
    await command.act('Finish and Paste');
    await command.done();
    expect(host.desktop.pasted).toBe(rampText(40 * SECOND));
  });

  test('keeps recording without a session, and leaves the recording to the history', async () => {
    const env = { FAKE_LIVE: 'zeros' };
    const command = harness.raycast({ samples: 60 * SECOND, pauseMs: 20 }, { env }).launch('dictate');
    await command.untilText('Recording only');
    await command.untilText('Still recording');
    await command.act('Finish and Paste');
    await command.untilText('Dictation failed');
    await command.untilText('Your audio is saved');
  });

  test('reports a killed capture process and keeps the text', async () => {
    const host = harness.raycast({ samples: 60 * SECOND, pauseMs: 10 });
    const command = host.launch('dictate');
    await command.until((tree) => textOf(tree, 'markdown').includes(FIRST));
    for (const { pid } of command.children.alive()) process.kill(pid, 'SIGKILL');
    await command.until(() => command.actions().includes('Dictate Again'));
    expect(command.text()).toContain(FIRST);
    await until(async () => (await harness.sotto('history', 'list', '--json')).includes(FIRST));
  });

  test('finishes every dictation, whenever its window closes', async () => {
    // In real time: a microphone that falls silent for three seconds is opened again.
    const host = harness.raycast({ samples: SECOND, pauseMs: 90 });
    // Warm up: a dictation without a view is finished after two seconds, including the start of processes.
    const first = await dictate(1, host);
    await first.act('Finish and Paste');
    await first.done();
    const startedIds = new Set<string>();
    const check = async (): Promise<boolean> => {
      const id = await activeId();
      if (id !== undefined) startedIds.add(id);
      return id !== undefined;
    };
    for (const afterMs of [0, 80, 160, 320, 640, 1_280]) {
      const command = host.launch('dictate');
      await new Promise((resolve) => setTimeout(resolve, afterMs));
      await command.pop();
      // A dictation that it started appears a moment later.
      for (let time = 0; time < 40 && !(await check()); time++) {
        await new Promise((resolve) => setTimeout(resolve, 25));
      }
      await until(async () => !(await check()));
    }
    expect(startedIds.size).toBeGreaterThan(0);
    const lines = (await harness.sotto('history', 'list', '--json')).trim().split('\n');
    const texts = lines.map((line) => (JSON.parse(line) as { text: string }).text);
    expect(texts).toEqual(Array.from([first, ...startedIds], () => rampText(SECOND)));
  });

  /** Id of the active dictation. */
  async function activeId(): Promise<string | undefined> {
    const capture = await CaptureClient.connect(harness.paths.capture);
    const seen = await capture?.updates().next();
    capture?.close();
    return seen?.value?.id;
  }

  test('explains a microphone error', async () => {
    const command = harness.raycast({ denied: true }).launch('dictate');
    await command.untilText('Dictation failed');
    expect(command.text()).toContain('Allow Raycast to use the microphone');
    expect(command.actions()).toContain('Open Microphone Settings');
  });
});

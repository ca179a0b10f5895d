import { spawn } from 'node:child_process';
import { mkdirSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { connect, createServer } from 'node:net';
import { dirname, join } from 'node:path';
import { afterEach, describe, expect, test } from '@jest/globals';
import { fileURLToPath } from 'node:url';
import { BackgroundCapture } from '#daemon/client/index.js';
import { systemClock } from '#daemon/clock.js';
import type { Capture, LastText } from '#daemon/protocol/capture.js';
import { securePrivateFolder } from '#daemon/server/socket.js';
import { takeLock } from '#daemon/store/process-lock.js';
import { homeHere } from '#test/harness/home-here.js';
import { rampText, SECOND } from '#test/harness/ramp.js';
import { fakeEngine, launcher, sotto, startSotto, type SottoProcess } from '#test/harness/run-sotto.js';
import { isRunning, until } from '#test/harness/wait.js';

const microphone = fileURLToPath(new URL('../harness/fake-microphone.js', import.meta.url));
// Before the home goes: the process that waits lives in it.
afterEach(() => BackgroundCapture.leave(home.paths.capture));
const home = homeHere();

function begin(mic: object, ...args: string[]): SottoProcess {
  return startSotto(['capture', '--no-refine', ...args], {
    home: home.folder,
    env: { SOTTO_CAPTURE: microphone, FAKE_MIC: JSON.stringify(mic) },
  });
}

async function look(): Promise<BackgroundCapture> {
  let capture: BackgroundCapture | undefined;
  await until(async () => (capture = await BackgroundCapture.connect(home.paths.capture)) !== undefined);
  if (capture === undefined) throw new Error('there is none');
  return capture;
}

async function pause(ms: number): Promise<void> {
  await new Promise((resolve) => setTimeout(resolve, ms));
}

/** Looks until something is so. */
async function see(capture: BackgroundCapture, isSo: (take: Capture) => boolean): Promise<Capture> {
  let last: Capture | undefined;
  for await (const take of capture.takes()) {
    last = take;
    if (isSo(take)) return take;
  }
  throw new Error(`it never came: ${JSON.stringify(last)}`);
}

/** The process ends, as it does when whoever started it is gone. */
async function left(process: SottoProcess): Promise<void> {
  await BackgroundCapture.leave(home.paths.capture);
  expect((await process.done).code).toBe(0);
}

async function history(): Promise<string> {
  return (await sotto(['history', 'list', '--json'], { home: home.folder })).stdout;
}

async function last(): Promise<LastText | undefined> {
  const capture = await look();
  const text = await capture.last();
  capture.close();
  return text;
}

function durations(listed: string): number[] {
  const lines = listed.trim().split('\n');
  return lines
    .filter((line) => line !== '')
    .map((line) => (JSON.parse(line) as { durationSeconds: number }).durationSeconds);
}

async function end(capture: BackgroundCapture): Promise<Capture> {
  let last: Capture | undefined;
  for await (const take of capture.takes()) last = take;
  if (last === undefined) throw new Error('nothing was told');
  return last;
}

describe('a dictation in the background', () => {
  test('is begun by one command, looked at by another, and finished by a third', async () => {
    const process = begin({ samples: 4 * SECOND });
    const first = await see(await look(), ({ committed }) => committed !== '');
    expect(first).toMatchObject({
      phase: 'listening',
      device: 'Built-in Microphone',
      daemon: 'connected',
      model: 'fake',
    });
    await see(await look(), ({ seconds }) => seconds === 4);
    const third = await look();
    third.ask('finish');
    const last = await end(third);
    expect(last).toMatchObject({ phase: 'final', text: rampText(4 * SECOND), tentative: '' });
    await left(process);
    // Nothing is left to look at, and no sound.
    expect(await BackgroundCapture.connect(home.paths.capture)).toBeUndefined();
    expect(readdirSync(home.paths.spool).filter((name) => name.endsWith('heard'))).toEqual([]);
  });

  test('the socket is the user’s alone, and a second dictation is refused', async () => {
    const process = begin({ samples: 60 * SECOND });
    const capture = await look();
    expect(statSync(home.paths.capture).mode & 0o777).toBe(0o600);
    const second = await begin({}).done;
    expect([second.code, second.stderr]).toEqual([
      1,
      'sotto: a dictation goes on already — finish that one first\n',
    ]);
    capture.ask('finish');
    expect((await end(capture)).phase).toBe('final');
    await left(process);
  });

  test('two that begin in the same instant are one dictation: the other leaves at once, and nothing is lost', async () => {
    // Apart by less than, about, and more than what the first one needs to its lock.
    for (const laterMs of [0, 0, 50, 150]) {
      const begun = [begin({ samples: 2 * SECOND }, '--go-on')];
      await pause(laterMs);
      begun.push(begin({ samples: 2 * SECOND }, '--go-on'));
      const capture = await look();
      const { phase } = await see(capture, ({ seconds }) => seconds === 2);
      expect(phase).toBe('listening');
      const first = await Promise.race(begun.map(({ done }) => done));
      expect([first.code, first.stderr]).toEqual([
        1,
        'sotto: a dictation goes on already — finish that one first\n',
      ]);
      const other = await look();
      other.ask('finish');
      expect(await end(other)).toMatchObject({ phase: 'final', text: rampText(2 * SECOND) });
      await BackgroundCapture.leave(home.paths.capture);
      const codes = (await Promise.all(begun.map(({ done }) => done))).map(({ code }) => code);
      expect(codes.sort()).toEqual([0, 1]);
    }
    expect((await history()).trim().split('\n')).toHaveLength(4);
  });

  test('one that comes before the first can be found asks it once it can, not when that take may be over', async () => {
    securePrivateFolder(home.paths.runtime);
    const lock = await takeLock(join(home.paths.runtime, 'capture.lock'), {
      clock: systemClock,
      signal: new AbortController().signal,
      onWait: () => undefined,
    });
    const second = begin({ samples: SECOND }, '--go-on');
    await until(() => childrenOf(second.pid).some((pid) => isMicrophone(pid)));
    // It waits for the lock by now.
    await pause(500);
    let isOver = false;
    const text = { committed: '', tentative: '', speaking: false };
    const sound = { seconds: 1, db: -40, noSignalSeconds: 0 };
    const take = {
      id: 'a',
      startedMs: 0,
      phase: 'listening',
      asked: {},
      daemon: 'connected',
      ...text,
      ...sound,
    };
    const first = createServer((socket) => {
      socket.on('error', () => undefined);
      socket.on('data', () => socket.write(`${JSON.stringify({ type: 'take', take, isNew: isOver })}\n`));
    });
    await new Promise<void>((resolve) => first.listen(home.paths.capture, resolve));
    await pause(1_000);
    isOver = true;
    const { code } = await second.done;
    first.close();
    lock.release();
    expect(code).toBe(1);
  });

  test('is finished when nobody looks at it any more, and the text is in the history', async () => {
    begin({ samples: 3 * SECOND });
    await see(await look(), ({ seconds }) => seconds === 3);
    await until(async () => (await history()).includes(rampText(3 * SECOND)));
    expect((await look().then((capture) => capture.takes().next())).done).toBe(true);
  });

  test('is followed by others in the same process, which waits with the microphone closed', async () => {
    const process = begin({ samples: 2 * SECOND }, '--go-on');
    const texts: (string | undefined)[] = [];
    for (let time = 0; time < 3; time++) {
      const capture = await look();
      const begun = await capture.begin({ goOn: true });
      expect(begun.isNew).toBe(time > 0);
      const again = await look();
      expect(await again.begin({})).toMatchObject({ isNew: false, take: { id: begun.take.id } });
      again.close();
      for await (const { seconds, phase, text } of capture.takes()) {
        if (seconds === 2 && phase === 'listening') capture.ask('finish');
        if (phase === 'final') texts.push(text);
      }
      // One that waits, and none that holds the microphone.
      await until(() => childrenOf(process.pid).filter((pid) => isMicrophone(pid)).length === 1);
      expect(childrenOf(process.pid).map(argsOf).join(' ')).toContain('wait');
    }
    expect(texts).toEqual(Array.from({ length: 3 }, () => rampText(2 * SECOND)));
    await left(process);
  });

  test('is finished, and its process gone, when whoever started it is gone', async () => {
    await sotto(['daemon', 'start'], { home: home.folder });
    const { pid, kill } = await beginBelow({ samples: 60 * SECOND, pauseMs: 20 });
    const capture = await look();
    const seen = await see(capture, ({ committed }) => committed !== '');
    kill();
    await until(() => !isRunning(pid));
    expect(await history()).toContain(seen.committed.trim());
  });

  test('is gone, too, where whoever started it was gone before it could look', async () => {
    const parent = spawn(process.execPath, ['-e', '']);
    await new Promise((resolve) => parent.once('exit', resolve));
    const begun = begin({ samples: 60 * SECOND }, '--go-on', '--parent', String(parent.pid));
    expect((await begun.done).code).toBe(0);
  });

  test('a process whose program was replaced, or is too old for whoever asks, leaves', async () => {
    const process = begin({ samples: SECOND });
    const capture = await look();
    capture.ask('finish');
    await end(capture);
    const socket = connect(home.paths.capture);
    socket.write(`${JSON.stringify({ type: 'begin', protocol: 9_999, options: {} })}\n`);
    const answer = await new Promise<string>((resolve) => socket.setEncoding('utf8').once('data', resolve));
    expect(JSON.parse(answer)).toMatchObject({ type: 'error', error: { code: 'VERSION_MISMATCH' } });
    expect((await process.done).code).toBe(0);
  });

  test('in another language or by another model all that was said is written down again', async () => {
    const process = begin({ samples: 60 * SECOND, pauseMs: 20 }, '--go-on', '--language', 'en');
    const before = await see(await look(), ({ committed }) => committed.length > 20);
    const capture = await look();
    capture.switch({ language: 'de' });
    const after = await see(
      capture,
      ({ id, committed }) => id !== before.id && committed.length > before.committed.length,
    );
    expect(after.asked).toEqual({ language: 'de' });
    expect(after.committed.startsWith(before.committed)).toBe(true);
    const last = await look();
    last.ask('finish');
    const { text = '', seconds } = await end(last);
    expect(text).toBe(rampText(Math.round(seconds * SECOND)));
    await left(process);
    // The text in the other language is dropped with its session.
    expect((await history()).trim().split('\n')).toHaveLength(1);
  });

  test('a model that is not there changes nothing', async () => {
    const process = begin({ samples: 60 * SECOND, pauseMs: 20 }, '--go-on');
    const before = await see(await look(), ({ committed }) => committed !== '');
    const capture = await look();
    capture.switch({ model: 'of-the-moon' });
    const warned = await see(capture, ({ error }) => error !== undefined);
    expect(warned).toMatchObject({ id: before.id, phase: 'listening', error: { code: 'MODEL_NOT_FOUND' } });
    const last = await look();
    last.ask('finish');
    const { text = '', seconds } = await end(last);
    expect(text).toBe(rampText(Math.round(seconds * SECOND)));
    await left(process);
  });

  test('a microphone that is lost is opened again, and the take goes on', async () => {
    const process = begin({ samples: 2 * SECOND, dies: true, lives: 2 }, '--go-on');
    const capture = await look();
    // Four seconds of two lives; the third is none.
    const last = await end(capture);
    expect(last).toMatchObject({
      phase: 'final',
      text: `${rampText(2 * SECOND)} ${rampText(2 * SECOND)}`,
      error: { code: 'MIC_UNAVAILABLE' },
    });
    await left(process);
  });

  test('takes the system’s own microphone where the wanted one is not connected, and says so', async () => {
    const process = begin(
      { samples: 60 * SECOND, pauseMs: 20, devices: ['Built-in', 'Desk'] },
      '--device',
      'AirPods',
    );
    const capture = await look();
    expect(await capture.devices()).toEqual(['Built-in', 'Desk']);
    expect(await see(capture, ({ device }) => device !== undefined)).toMatchObject({
      device: 'Built-in',
      insteadOfDevice: 'AirPods',
    });
    const other = await look();
    other.switch({ device: 'desk' });
    const switched = await see(other, ({ device }) => device === 'Desk');
    expect(switched.insteadOfDevice).toBeUndefined();
    await left(process);
  });

  test('what was said to no daemon at all is kept, and written down by the next one', async () => {
    // No daemon can listen here.
    mkdirSync(dirname(home.paths.socket), { recursive: true });
    writeFileSync(home.paths.socket, '');
    const process = begin({ samples: 3 * SECOND }, '--go-on');
    // Nobody is cut off for that.
    const unwritten = await see(await look(), (take) => take.unwritten === true && take.seconds === 3);
    expect(unwritten.phase).toBe('listening');
    const capture = await look();
    capture.ask('finish');
    const failed = await end(capture);
    expect(failed).toMatchObject({
      phase: 'failed',
      error: { hint: expect.stringContaining('kept') as unknown },
    });
    await left(process);
    rmSync(home.paths.socket);
    await sotto(['daemon', 'start'], { home: home.folder });
    await until(async () => (await history()).includes(rampText(3 * SECOND)));
  });

  test('what was said after a session was lost is taken up by the daemon that runs', async () => {
    await sotto(['daemon', 'start'], { home: home.folder, env: { FAKE_LIVE: 'zeros' } });
    const process = begin({ samples: 60 * SECOND, pauseMs: 20 }, '--go-on');
    const lost = await see(await look(), (take) => take.unwritten === true);
    const later = await see(await look(), ({ seconds }) => seconds > lost.seconds + 2);
    expect(later).toMatchObject({ phase: 'listening', error: { code: 'ENGINE_CRASHED' } });
    const capture = await look();
    capture.ask('finish');
    expect((await end(capture)).phase).toBe('failed');
    await until(async () => durations(await history()).some((seconds) => seconds >= later.seconds));
    await left(process);
  });

  test('all is said by two: the text is for the first, or, where that one is gone, for the other', async () => {
    await sotto(['daemon', 'start'], { home: home.folder });
    const begun = begin({ samples: 3 * SECOND }, '--go-on');
    await see(await look(), ({ seconds, committed }) => seconds === 3 && committed !== '');
    const [first, second] = [await look(), await look()];
    const status = await sotto(['daemon', 'status', '--json'], { home: home.folder });
    const { pid } = JSON.parse(status.stdout) as { pid: number };
    // Its end takes as long as it has to here.
    process.kill(pid, 'SIGSTOP');
    try {
      expect(await first.finish()).toBe(true);
      expect(await first.finish()).toBe(true);
      expect(await second.finish()).toBe(false);
      first.close();
      await until(() => second.finish());
    } finally {
      process.kill(pid, 'SIGCONT');
    }
    expect(await end(second)).toMatchObject({ phase: 'final', text: rampText(3 * SECOND) });
    // Who comes when it was given is not given it once more.
    expect(await (await look()).finish()).toBe(false);
    await left(begun);
  });

  test('a text that nobody was given is there for a while, though nothing is kept and another one was begun', async () => {
    await sotto(['history', 'keep', '0'], { home: home.folder });
    const process = begin({ samples: 3 * SECOND });
    const { startedMs } = await see(await look(), ({ seconds }) => seconds === 3);
    await until(async () => (await last()) !== undefined);
    await until(async () => (await history()) === '');
    const another = await look();
    await another.begin({});
    another.ask('cancel');
    another.ask('cancel');
    expect((await end(another)).phase).toBe('gone');
    expect(await last()).toEqual({ startedMs, text: rampText(3 * SECOND) });
    // The text of one that was given is no such text, and nor is the one before it.
    const given = await look();
    await given.begin({ goOn: true });
    await see(await look(), ({ seconds }) => seconds === 3);
    expect(await given.finish()).toBe(true);
    expect((await end(given)).text).toBe(rampText(3 * SECOND));
    expect(await last()).toBeUndefined();
    await left(process);
  });

  test('goes on alone if it shall', async () => {
    const process = begin({ samples: 60 * SECOND, pauseMs: 20 }, '--go-on');
    const early = await see(await look(), ({ committed }) => committed !== '');
    await new Promise((resolve) => setTimeout(resolve, 3_000));
    const later = await see(await look(), () => true);
    expect([later.id, later.phase]).toEqual([early.id, 'listening']);
    expect(later.seconds).toBeGreaterThan(early.seconds);
    const capture = await look();
    capture.ask('finish');
    expect((await end(capture)).phase).toBe('final');
    await left(process);
  });

  test('is given up, taken back up, and all that was said before is there', async () => {
    const process = begin({ samples: 3 * SECOND }, '--go-on');
    await see(await look(), ({ seconds }) => seconds === 3);
    const capture = await look();
    capture.ask('cancel');
    await see(capture, ({ phase }) => phase === 'cancelled');
    const again = await look();
    again.ask('restore');
    expect(await end(again)).toMatchObject({ phase: 'final', text: rampText(3 * SECOND) });
    await left(process);
  });

  test('given up twice it is over at once, and nothing of it is kept', async () => {
    const process = begin({ samples: 3 * SECOND }, '--go-on');
    await see(await look(), ({ seconds }) => seconds === 3);
    const capture = await look();
    capture.ask('cancel');
    await see(capture, ({ phase }) => phase === 'cancelled');
    const again = await look();
    again.ask('cancel');
    expect((await end(again)).phase).toBe('gone');
    await left(process);
    expect(await history()).toBe('');
  });

  test('what is said while it is paused is not kept', async () => {
    const process = begin({ samples: 100 * SECOND, pauseMs: 20 }, '--go-on');
    await see(await look(), ({ seconds }) => seconds >= 1);
    const capture = await look();
    capture.ask('pause');
    const paused = await see(capture, ({ phase }) => phase === 'paused');
    await new Promise((resolve) => setTimeout(resolve, 300));
    const still = await see(await look(), () => true);
    expect(still).toMatchObject({ phase: 'paused', seconds: paused.seconds });
    const last = await look();
    last.ask('resume');
    last.ask('finish');
    expect((await end(last)).phase).toBe('final');
    await left(process);
  });

  test('a headset that is being woken is not said to listen yet', async () => {
    const process = begin({ samples: SECOND, zeros: SECOND, pauseMs: 100 });
    const seen: Capture[] = [];
    for await (const take of (await look()).takes()) {
      seen.push(take);
      if (take.seconds === 2) break;
    }
    const woken = seen.filter(({ seconds }) => seconds > 0 && seconds <= 1);
    expect(woken.length).toBeGreaterThan(0);
    expect(new Set(woken.map(({ phase }) => phase))).toEqual(new Set(['opening']));
    expect(seen.at(-1)?.phase).toBe('listening');
    await left(process);
  });

  test('says what is wrong with the microphone, and is ready for the next try', async () => {
    const denied = begin({ denied: true });
    expect(await end(await look())).toMatchObject({ phase: 'failed', error: { code: 'MIC_DENIED' } });
    await left(denied);
    const tooFast = begin({ rate: 48_000 });
    expect(await end(await look())).toMatchObject({
      phase: 'failed',
      error: {
        code: 'MIC_UNAVAILABLE',
        hint: expect.stringContaining('choose another microphone') as unknown,
      },
    });
    await left(tooFast);
  });

  test('killed at any moment, it leaves no process behind, and what was said is recovered', async () => {
    const texts: string[] = [];
    // A daemon that it started itself would be its child, and is to stay.
    await sotto(['daemon', 'start'], { home: home.folder });
    for (let time = 0; time < 6; time++) {
      const process = begin({ samples: 60 * SECOND, pauseMs: 10 }, '--go-on');
      const said = await see(
        await look(),
        ({ committed, seconds }) => committed !== '' && seconds > 0.4 * time,
      );
      const children = childrenOf(process.pid);
      expect(children).toHaveLength(1);
      process.kill('SIGKILL');
      await process.done;
      await until(() => !children.some((pid) => isRunning(pid)));
      texts.push(said.committed.trim());
    }
    const listed = async (): Promise<string> =>
      (await sotto(['history', 'list', '--json'], { home: home.folder })).stdout;
    await until(async () => ((await listed()).match(/"recovered"/g) ?? []).length >= texts.length);
    const all = await listed();
    for (const text of texts) expect(all).toContain(text);
  });

  test('refuses what makes no sense, and goes on', async () => {
    const process = begin({ samples: 2 * SECOND }, '--go-on');
    await look();
    for (const line of ['nonsense', '{}', '{"type":"shout"}', 'x'.repeat(5_000)]) {
      const socket = connect(home.paths.capture);
      const answer = await new Promise<string>((resolve) => {
        socket.setEncoding('utf8').once('data', resolve);
        socket.write(`${line}\n`);
      });
      expect(JSON.parse(answer)).toMatchObject({ type: 'error', error: { code: 'PROTOCOL' } });
      socket.destroy();
    }
    const capture = await look();
    capture.ask('finish');
    expect((await end(capture)).phase).toBe('final');
    await left(process);
  });
});

/** Started by a process of its own, which can end. */
async function beginBelow(mic: object): Promise<{ pid: number; kill: () => void }> {
  const start = `const { spawn } = require('node:child_process');
    const args = [process.env.LAUNCHER, 'capture', '--no-refine', '--go-on'];
    console.log(spawn(process.execPath, args, { detached: true, stdio: 'ignore' }).pid);
    setInterval(() => undefined, 1_000);`;
  const env = {
    ...process.env,
    LAUNCHER: launcher,
    SOTTO_HOME: home.folder,
    SOTTO_ENGINE: fakeEngine,
    SOTTO_CAPTURE: microphone,
    FAKE_MIC: JSON.stringify(mic),
  };
  const parent = spawn(process.execPath, ['-e', start], { env, stdio: ['ignore', 'pipe', 'inherit'] });
  const said = await new Promise<string>((resolve) =>
    parent.stdout.setEncoding('utf8').once('data', resolve),
  );
  return { pid: Number(said), kill: () => void parent.kill('SIGKILL') };
}

function argsOf(pid: number): string {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'utf8').replaceAll('\0', ' ');
  } catch {
    return '';
  }
}

function isMicrophone(pid: number): boolean {
  return argsOf(pid).includes('fake-microphone');
}

/** Processes whose parent it is. */
function childrenOf(pid: number): number[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .filter((name) => parentOf(name) === pid)
    .map(Number);
}

function parentOf(name: string): number | undefined {
  try {
    return Number(/^PPid:\s+(\d+)$/m.exec(readFileSync(`/proc/${name}/status`, 'utf8'))?.[1]);
  } catch {
    return undefined;
  }
}

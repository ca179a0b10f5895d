import { readdirSync, readFileSync, statSync } from 'node:fs';
import { connect } from 'node:net';
import { describe, expect, test } from '@jest/globals';
import { fileURLToPath } from 'node:url';
import { BackgroundCapture } from '#daemon/client/index.js';
import type { Capture } from '#daemon/protocol/capture.js';
import { homeHere } from '#test/harness/home-here.js';
import { rampText, SECOND } from '#test/harness/ramp.js';
import { sotto, startSotto, type SottoProcess } from '#test/harness/run-sotto.js';
import { isRunning, until } from '#test/harness/wait.js';

const microphone = fileURLToPath(new URL('../harness/fake-microphone.js', import.meta.url));
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

/** Looks until something is so. */
async function see(capture: BackgroundCapture, isSo: (take: Capture) => boolean): Promise<Capture> {
  let last: Capture | undefined;
  for await (const take of capture.takes()) {
    last = take;
    if (isSo(take)) return take;
  }
  throw new Error(`it never came: ${JSON.stringify(last)}`);
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
    expect((await process.done).code).toBe(0);
    // Nobody but the user may look, and nothing is left to look at.
    expect(await BackgroundCapture.connect(home.paths.capture)).toBeUndefined();
  }, 30_000);

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
    expect((await process.done).code).toBe(0);
  }, 30_000);

  test('is finished when nobody looks at it any more, and the text is in the history', async () => {
    const process = begin({ samples: 3 * SECOND });
    await see(await look(), ({ seconds }) => seconds === 3);
    expect((await process.done).code).toBe(0);
    const { stdout } = await sotto(['history', 'list', '--json'], { home: home.folder });
    expect(stdout).toContain(rampText(3 * SECOND));
  }, 30_000);

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
    await process.done;
  }, 30_000);

  test('is given up, taken back up, and all that was said before is there', async () => {
    const process = begin({ samples: 3 * SECOND }, '--go-on');
    await see(await look(), ({ seconds }) => seconds === 3);
    const capture = await look();
    capture.ask('cancel');
    await see(capture, ({ phase }) => phase === 'cancelled');
    const again = await look();
    again.ask('restore');
    expect(await end(again)).toMatchObject({ phase: 'final', text: rampText(3 * SECOND) });
    expect((await process.done).code).toBe(0);
  }, 30_000);

  test('given up twice it is over at once, and nothing of it is kept', async () => {
    const process = begin({ samples: 3 * SECOND }, '--go-on');
    await see(await look(), ({ seconds }) => seconds === 3);
    const capture = await look();
    capture.ask('cancel');
    await see(capture, ({ phase }) => phase === 'cancelled');
    const again = await look();
    again.ask('cancel');
    expect((await end(again)).phase).toBe('gone');
    expect((await process.done).code).toBe(0);
    const { stdout } = await sotto(['history', 'list', '--json'], { home: home.folder });
    expect(stdout).toBe('');
  }, 30_000);

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
    await process.done;
  }, 30_000);

  test('a headset that is being woken is not said to listen yet', async () => {
    const process = begin({ samples: SECOND, silent: true });
    const capture = await look();
    const seen: Capture[] = [];
    for await (const take of capture.takes()) {
      seen.push(take);
      if (take.seconds === 1) break;
    }
    expect(seen.map(({ phase }) => phase)).not.toContain('listening');
    await process.done;
  }, 30_000);

  test('says what is wrong with the microphone', async () => {
    const denied = begin({ denied: true });
    expect(await end(await look())).toMatchObject({ phase: 'failed', error: { code: 'MIC_DENIED' } });
    expect((await denied.done).code).toBe(1);
    const lost = begin({ samples: 3 * SECOND, dies: true });
    expect(await end(await look())).toMatchObject({
      phase: 'final',
      text: rampText(3 * SECOND),
      error: { code: 'MIC_UNAVAILABLE' },
    });
    expect((await lost.done).code).toBe(0);
  }, 30_000);

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
    await until(async () => ((await listed()).match(/"recovered"/g) ?? []).length >= texts.length, 20_000);
    const all = await listed();
    for (const text of texts) expect(all).toContain(text);
  }, 60_000);

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
    await process.done;
  }, 30_000);
});

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

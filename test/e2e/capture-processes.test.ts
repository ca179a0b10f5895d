/** The process of a background dictation: one at a time, and gone when it has to be. */
import { spawn } from 'node:child_process';
import { existsSync, readdirSync } from 'node:fs';
import { connect, createServer } from 'node:net';
import { join } from 'node:path';
import { describe, expect, test } from '@jest/globals';
import { LocalRecording } from '#daemon/capture/local-recording.js';
import { CaptureClient } from '#daemon/client/index.js';
import { systemClock } from '#daemon/clock.js';
import { securePrivateFolder } from '#daemon/socket-folder.js';
import { acquireLock } from '#daemon/store/process-lock.js';
import { readOrphan } from '#daemon/store/spool/orphans.js';
import { childrenOf } from '#test/harness/processes.js';
import { ramp, rampText, SECOND } from '#test/harness/ramp.js';
import { sotto } from '#test/harness/run-sotto.js';
import { isRunning, until } from '#test/harness/wait.js';
import { withCapture, requestAndWaitForEnd, isMicrophone, pause, waitForState } from './with-capture.js';

const captures = withCapture();
const { begin, startInOtherProcess, history, attach } = captures;

describe('the process of a background dictation', () => {
  test('two that start in the same instant are one dictation: the other exits at once, and nothing is lost', async () => {
    // Apart by less than, about, and more than the first one needs to take its lock.
    for (const laterMs of [0, 0, 50, 150]) {
      const started = [begin({ samples: 2 * SECOND }, '--keep-listening')];
      await pause(laterMs);
      started.push(begin({ samples: 2 * SECOND }, '--keep-listening'));
      const capture = await attach();
      const { phase } = await waitForState(capture, ({ seconds }) => seconds === 2);
      expect(phase).toBe('listening');
      const first = await Promise.race(started.map(({ done }) => done));
      expect([first.code, first.stderr]).toEqual([
        1,
        'sotto: a dictation is in progress — finish it first\n',
      ]);
      const other = await attach();
      expect(await requestAndWaitForEnd(other, 'finish')).toMatchObject({
        phase: 'final',
        text: rampText(2 * SECOND),
      });
      await CaptureClient.leave(captures.paths.capture);
      const codes = (await Promise.all(started.map(({ done }) => done))).map(({ code }) => code);
      expect(codes.sort()).toEqual([0, 1]);
    }
    expect((await history()).trim().split('\n')).toHaveLength(4);
  });

  test('one that starts before the first can be found asks it once it can, not when that dictation may be over', async () => {
    securePrivateFolder(captures.paths.runtime);
    const lock = await acquireLock(join(captures.paths.runtime, 'capture.lock'), {
      clock: systemClock,
      signal: new AbortController().signal,
      onWait: () => undefined,
    });
    const second = begin({ samples: SECOND }, '--keep-listening');
    await until(() => childrenOf(second.pid).some((pid) => isMicrophone(pid)));
    // It waits for the lock by now.
    await pause(500);
    let isOver = false;
    const audio = { seconds: 1, db: -40, noSignalSeconds: 0 };
    const dictation = {
      id: 'a',
      startedMs: 0,
      phase: 'listening',
      requested: {},
      daemon: 'connected',
      ...audio,
    };
    const first = createServer((socket) => {
      socket.on('error', () => undefined);
      socket.on('data', () =>
        socket.write(`${JSON.stringify({ type: 'dictation', dictation, isNew: isOver })}\n`),
      );
    });
    await new Promise<void>((resolve) => first.listen(captures.paths.capture, resolve));
    await pause(1_000);
    isOver = true;
    const { code } = await second.done;
    first.close();
    lock.release();
    expect(code).toBe(1);
  });

  test('finishes and exits when its parent is gone', async () => {
    await sotto(['daemon', 'start'], { home: captures.folder });
    const { pid, kill } = await startInOtherProcess({ samples: 60 * SECOND, pauseMs: 20 });
    const capture = await attach();
    const seen = await waitForState(capture, ({ committed }) => committed !== '');
    kill();
    await until(() => !isRunning(pid));
    expect(await history()).toContain(seen.committed.trim());
  });

  test('exits, too, if its parent was gone before it could check', async () => {
    const parent = spawn(process.execPath, ['-e', '']);
    await new Promise((resolve) => parent.once('exit', resolve));
    const started = begin({ samples: 60 * SECOND }, '--keep-listening', '--parent', String(parent.pid));
    expect((await started.done).code).toBe(0);
  });

  test('exits if its program was replaced, or is older than its client', async () => {
    const process = begin({ samples: SECOND });
    const capture = await attach();
    await requestAndWaitForEnd(capture, 'finish');
    const socket = connect(captures.paths.capture);
    socket.write(`${JSON.stringify({ type: 'begin', protocol: 9_999, options: {} })}\n`);
    const answer = await new Promise<string>((resolve) => socket.setEncoding('utf8').once('data', resolve));
    expect(JSON.parse(answer)).toMatchObject({ type: 'error', error: { code: 'VERSION_MISMATCH' } });
    expect((await process.done).code).toBe(0);
  });

  test('killed at any moment, it leaves no process behind, and the dictation is recovered', async () => {
    const texts: string[] = [];
    // A daemon that it started itself would be its child, and must stay.
    await sotto(['daemon', 'start'], { home: captures.folder });
    for (let time = 0; time < 6; time++) {
      const process = begin({ samples: 60 * SECOND, pauseMs: 10 }, '--keep-listening');
      const state = await waitForState(
        await attach(),
        ({ committed, seconds }) => committed !== '' && seconds > 0.4 * time,
      );
      const children = childrenOf(process.pid);
      expect(children).toHaveLength(1);
      process.kill('SIGKILL');
      await process.done;
      await until(() => !children.some((pid) => isRunning(pid)));
      texts.push(state.committed.trim());
    }
    const listed = async (): Promise<string> =>
      (await sotto(['history', 'list', '--json'], { home: captures.folder })).stdout;
    await until(async () => ((await listed()).match(/"recovered"/g) ?? []).length >= texts.length);
    const all = await listed();
    for (const text of texts) expect(all).toContain(text);
  });

  test.each([['daemon', 'start'], ['capture']])(
    'killed together with its daemon, it loses nothing: the next `sotto %s` recovers the whole recording',
    async (...next) => {
      await sotto(['daemon', 'start'], { home: captures.folder });
      const status = await sotto(['daemon', 'status', '--json'], { home: captures.folder });
      const { pid } = JSON.parse(status.stdout) as { pid: number };
      const capture = begin({ samples: 60 * SECOND, pauseMs: 20 }, '--keep-listening');
      const before = await waitForState(await attach(), ({ committed }) => committed !== '');
      // The daemon reads none of the audio from here on.
      process.kill(pid, 'SIGSTOP');
      const last = await waitForState(await attach(), ({ seconds }) => seconds > before.seconds + 3);
      capture.kill('SIGKILL');
      process.kill(pid, 'SIGKILL');
      await capture.done;
      await until(() => !isRunning(pid));
      const recording = readdirSync(captures.paths.spool).find((name) => name.endsWith('.spool')) ?? '';
      const samples = (await readOrphan(join(captures.paths.spool, recording)))?.samples ?? 0;
      expect(samples).toBeGreaterThanOrEqual(Math.round(last.seconds * SECOND));
      if (next.join() === 'capture')
        await waitForState(
          (begin({ samples: 0 }, '--keep-listening'), await attach()),
          (dictation) => dictation.daemon === 'connected',
        );
      else await sotto(next, { home: captures.folder });
      await until(async () => (await history()).includes(rampText(samples)));
      await until(() => !existsSync(join(captures.paths.spool, recording)));
    },
  );

  test('audio that no daemon has is recovered by the running daemon at the next start', async () => {
    await sotto(['daemon', 'start'], { home: captures.folder });
    new LocalRecording(captures.paths.spool).append(ramp(0, 2 * SECOND));
    const capture = begin({ samples: SECOND }, '--keep-listening');
    await until(async () => (await history()).includes(rampText(2 * SECOND)));
    await captures.expectStopped(capture);
  });
});

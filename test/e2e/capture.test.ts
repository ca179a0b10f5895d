/** A background dictation from start to text: its clients, and its result. */
import { readdirSync, statSync } from 'node:fs';
import { connect } from 'node:net';
import { describe, expect, test } from '@jest/globals';
import { CaptureClient } from '#daemon/client/index.js';
import { childrenOf } from '#test/harness/processes.js';
import { rampText, SECOND } from '#test/harness/ramp.js';
import { sotto } from '#test/harness/run-sotto.js';
import { until } from '#test/harness/wait.js';
import {
  withCapture,
  waitForEnd,
  requestAndWaitForEnd,
  isClosedMicrophone,
  isMicrophone,
  waitForState,
} from './with-capture.js';

const captures = withCapture();
const { begin, history, last, expectStopped, attach } = captures;

describe('a background dictation', () => {
  test('is started by one command, watched by another, and finished by a third', async () => {
    const process = begin({ samples: 4 * SECOND });
    const first = await waitForState(await attach(), ({ committed }) => committed !== '');
    expect(first).toMatchObject({
      phase: 'listening',
      device: 'Built-in Microphone',
      daemon: 'connected',
      model: 'fake',
    });
    await waitForState(await attach(), ({ seconds }) => seconds === 4);
    const third = await attach();
    const last = await requestAndWaitForEnd(third, 'finish');
    expect(last).toMatchObject({ phase: 'final', text: rampText(4 * SECOND) });
    await expectStopped(process);
    // No process and no audio is left.
    expect(await CaptureClient.connect(captures.paths.capture)).toBeUndefined();
    expect(readdirSync(captures.paths.spool).filter((name) => /\.(unsent|recording)$/.test(name))).toEqual(
      [],
    );
  });

  test('has a socket of the user’s own, and refuses a second dictation', async () => {
    const process = begin({ samples: 60 * SECOND });
    const capture = await attach();
    expect(statSync(captures.paths.capture).mode & 0o777).toBe(0o600);
    const second = await begin({}).done;
    expect([second.code, second.stderr]).toEqual([
      1,
      'sotto: a dictation is in progress — finish it first\n',
    ]);
    expect((await requestAndWaitForEnd(capture, 'finish')).phase).toBe('final');
    await expectStopped(process);
  });

  test('finishes when no client watches any more, and the text is in the history', async () => {
    begin({ samples: 3 * SECOND });
    await waitForState(await attach(), ({ seconds }) => seconds === 3);
    await until(async () => (await history()).includes(rampText(3 * SECOND)));
    expect((await attach().then((capture) => capture.updates().next())).done).toBe(true);
  });

  test('is followed by others in the same process, which waits with the microphone closed', async () => {
    const process = begin({ samples: 2 * SECOND }, '--keep-listening');
    const texts: (string | undefined)[] = [];
    for (let time = 0; time < 3; time++) {
      const capture = await attach();
      const started = await capture.begin({ keepListening: true });
      expect(started.isNew).toBe(time > 0);
      const again = await attach();
      expect(await again.begin({})).toMatchObject({ isNew: false, dictation: { id: started.dictation.id } });
      again.close();
      for await (const { seconds, phase, text } of capture.updates()) {
        if (seconds === 2 && phase === 'listening') capture.request('finish');
        if (phase === 'final') texts.push(text);
      }
      // One process waits, and none holds the microphone.
      await until(() => childrenOf(process.pid).filter((pid) => isMicrophone(pid)).length === 1);
      await until(() => childrenOf(process.pid).filter(isMicrophone).every(isClosedMicrophone));
    }
    expect(texts).toEqual(Array.from({ length: 3 }, () => rampText(2 * SECOND)));
    await expectStopped(process);
  });

  test('finished by two clients, gives the text to the first, or to the other if that is gone', async () => {
    await sotto(['daemon', 'start'], { home: captures.folder });
    const started = begin({ samples: 3 * SECOND }, '--keep-listening');
    await waitForState(await attach(), ({ seconds, committed }) => seconds === 3 && committed !== '');
    const [first, second] = [await attach(), await attach()];
    const status = await sotto(['daemon', 'status', '--json'], { home: captures.folder });
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
    expect(await waitForEnd(second)).toMatchObject({ phase: 'final', text: rampText(3 * SECOND) });
    // A client that comes after the delivery does not get it again.
    expect(await (await attach()).finish()).toBe(false);
    await expectStopped(started);
  });

  test('keeps an undelivered text for a while, even if nothing is kept and another one was started', async () => {
    await sotto(['history', 'keep', '0'], { home: captures.folder });
    const process = begin({ samples: 3 * SECOND });
    const { startedMs } = await waitForState(await attach(), ({ seconds }) => seconds === 3);
    await until(async () => (await last()) !== undefined);
    await until(async () => (await history()) === '');
    const another = await attach();
    await another.begin({});
    expect((await requestAndWaitForEnd(another, 'cancel', 'cancel')).phase).toBe('discarded');
    expect(await last()).toEqual({ startedMs, text: rampText(3 * SECOND) });
    // A delivered text is not kept for later clients, nor is the one before it.
    const given = await attach();
    await given.begin({ keepListening: true });
    await waitForState(await attach(), ({ seconds }) => seconds === 3);
    expect(await given.finish()).toBe(true);
    expect((await waitForEnd(given)).text).toBe(rampText(3 * SECOND));
    expect(await last()).toBeUndefined();
    await expectStopped(process);
  });

  test('continues without clients if asked to', async () => {
    const process = begin({ samples: 60 * SECOND, pauseMs: 20 }, '--keep-listening');
    const early = await waitForState(await attach(), ({ committed }) => committed !== '');
    await new Promise((resolve) => setTimeout(resolve, 3_000));
    const later = await waitForState(await attach(), () => true);
    expect([later.id, later.phase]).toEqual([early.id, 'listening']);
    expect(later.seconds).toBeGreaterThan(early.seconds);
    const capture = await attach();
    expect((await requestAndWaitForEnd(capture, 'finish')).phase).toBe('final');
    await expectStopped(process);
  });

  test('is discarded and restored with all of its audio', async () => {
    const process = begin({ samples: 3 * SECOND }, '--keep-listening');
    await waitForState(await attach(), ({ seconds }) => seconds === 3);
    const [capture, again] = [await attach(), await attach()];
    capture.request('cancel');
    await waitForState(capture, ({ phase }) => phase === 'cancelled');
    expect(await requestAndWaitForEnd(again, 'restore')).toMatchObject({
      phase: 'final',
      text: rampText(3 * SECOND),
    });
    await expectStopped(process);
  });

  test('discarded twice is over at once, and nothing is kept', async () => {
    const process = begin({ samples: 3 * SECOND }, '--keep-listening');
    await waitForState(await attach(), ({ seconds }) => seconds === 3);
    const [capture, again] = [await attach(), await attach()];
    capture.request('cancel');
    await waitForState(capture, ({ phase }) => phase === 'cancelled');
    expect((await requestAndWaitForEnd(again, 'cancel')).phase).toBe('discarded');
    await expectStopped(process);
    expect(await history()).toBe('');
  });

  test('does not keep audio while it is paused', async () => {
    const process = begin({ samples: 100 * SECOND, pauseMs: 20 }, '--keep-listening');
    await waitForState(await attach(), ({ seconds }) => seconds >= 1);
    const capture = await attach();
    capture.request('pause');
    const paused = await waitForState(capture, ({ phase }) => phase === 'paused');
    await new Promise((resolve) => setTimeout(resolve, 300));
    const still = await waitForState(await attach(), () => true);
    expect(still).toMatchObject({ phase: 'paused', seconds: paused.seconds });
    const last = await attach();
    expect((await requestAndWaitForEnd(last, 'resume', 'finish')).phase).toBe('final');
    await expectStopped(process);
  });

  test('refuses invalid requests, and continues', async () => {
    const process = begin({ samples: 2 * SECOND }, '--keep-listening');
    await attach();
    for (const line of ['nonsense', '{}', '{"type":"shout"}', 'x'.repeat(5_000)]) {
      const socket = connect(captures.paths.capture);
      const answer = await new Promise<string>((resolve) => {
        socket.setEncoding('utf8').once('data', resolve);
        socket.write(`${line}\n`);
      });
      expect(JSON.parse(answer)).toMatchObject({ type: 'error', error: { code: 'PROTOCOL' } });
      socket.destroy();
    }
    const capture = await attach();
    expect((await requestAndWaitForEnd(capture, 'finish')).phase).toBe('final');
    await expectStopped(process);
  });
});

import { expect, test } from '@jest/globals';
import { CaptureClient } from '#daemon/client/index.js';
import type { Capture } from '#daemon/protocol/capture.js';
import { SottoError } from '#daemon/protocol/errors.js';
import { rampText, SECOND } from '#test/harness/ramp.js';
import { until } from '#test/harness/wait.js';
import { describeUnless } from '#test/harness/skipping.js';
import { whyNotBuilt } from './build-extension.js';
import { fakeCapture, fakeDictation, type FakeCapture } from './fake-capture.js';
import { untilRecorded } from './until-recorded.js';
import { sottoHarness, type SottoHarness } from './sotto-harness.js';

const reason = await whyNotBuilt();

/** Serves one dictation, which changes to `end` when it is finished or watched. */
function serveDictation(
  { paths }: SottoHarness,
  first: Partial<Capture>,
  shouldDeliver: boolean,
  end: Partial<Capture>,
) {
  return fakeCapture(paths.capture, ({ type }, send) => {
    if (type === 'begin' || type === 'watch') send({ type: 'dictation', dictation: fakeDictation(first) });
    if (type === 'finish') send({ type: 'finish', shouldDeliver });
    if (type === 'finish' || type === 'watch') send({ type: 'change', change: end });
    if (type === 'last') send({ type: 'last' });
  });
}

describeUnless(reason)('Quick Dictate', () => {
  const harness = sottoHarness();

  test('starts on the first run, finishes and pastes on the second', async () => {
    const host = harness.raycast({ samples: 3 * SECOND });
    await host.launch('quick-dictate').done();
    expect(host.desktop.callsTo('hud')).toHaveLength(1);
    await untilRecorded(harness.paths, 3);
    await host.launch('quick-dictate').done();
    expect(host.desktop.pasted).toBe(rampText(3 * SECOND));
  });

  test('shows its dictation in Dictate, which can finish it', async () => {
    const host = harness.raycast({ samples: 3 * SECOND });
    await host.launch('quick-dictate').done();
    const command = host.launch('dictate');
    await command.untilText('0:03');
    await command.act('Finish and Paste');
    await command.done();
    expect(host.desktop.pasted).toBe(rampText(3 * SECOND));
  });

  test('lets Paste Last Transcript paste its text again', async () => {
    const host = harness.raycast({ samples: 2 * SECOND });
    await host.launch('quick-dictate').done();
    await untilRecorded(harness.paths, 2);
    await host.launch('quick-dictate').done();
    host.desktop.pasted = '';
    await host.launch('paste-last-transcript').done();
    expect(host.desktop.pasted).toBe(rampText(2 * SECOND));
  });

  /** Runs the command with an active dictation. */
  async function runWith(first: Partial<Capture>, shouldDeliver: boolean, end: Partial<Capture>) {
    const capture = await serveDictation(harness, first, shouldDeliver, end);
    const host = harness.raycast({});
    await host.launch('quick-dictate').done();
    await capture.close();
    const { desktop } = host;
    return { requests: capture.requests, hud: desktop.callsTo('hud'), pasted: desktop.pasted };
  }

  test('ignores a bouncing key', async () => {
    const dictation = { startedMs: Date.now() + 3_600_000 };
    const { requests, hud, pasted } = await runWith(dictation, true, { phase: 'final', text: '' });
    expect(requests).toEqual(['begin']);
    expect(hud).toEqual(['Listening… Run Quick Dictate again to finish']);
    expect(pasted).toBe('');
  });

  test('says that it listens only if it does', async () => {
    const dictation = { startedMs: Date.now() + 3_600_000, phase: 'finishing' as const };
    expect((await runWith(dictation, true, {})).hud).toEqual([]);
  });

  test('does not paste what another command has finished', async () => {
    for (const phase of ['listening', 'finishing'] as const) {
      const { hud, pasted } = await runWith({ phase }, false, { phase: 'final', text: 'done' });
      expect([hud, pasted]).toEqual([['Already finishing'], '']);
    }
  });

  test('delivers a dictation that no command is finishing', async () => {
    const finishing = { phase: 'finishing' as const };
    const { hud, pasted } = await runWith(finishing, true, { phase: 'final', text: 'done' });
    expect([hud, pasted]).toEqual([['Pasted'], 'done']);
  });

  test('reports a dictation that was cancelled', async () => {
    const { hud, pasted } = await runWith({}, true, { phase: 'discarded' });
    expect([hud, pasted]).toEqual([['Cancelled'], '']);
  });

  test('waits until a process of another version has exited', async () => {
    const left: string[] = [];
    const capture: FakeCapture = await fakeCapture(harness.paths.capture, ({ type }, send, socket) => {
      if (type !== 'begin') return;
      socket.once('end', () => left.push('the command'));
      send({ type: 'error', error: new SottoError('VERSION_MISMATCH', 'it is another one').toWire() });
      setTimeout(() => {
        left.push('the process');
        void capture.close();
      }, 300);
    });
    const host = harness.raycast({ samples: SECOND });
    await host.launch('quick-dictate').done();
    expect(left).toEqual(['the process', 'the command']);
    expect(host.desktop.callsTo('hud')).toEqual(['Listening… Run Quick Dictate again to finish']);
  });
});

describeUnless(reason)('Paste Last Transcript', () => {
  const harness = sottoHarness();

  /** Runs the command after a dictation of one second, with another one active. */
  async function pasteLast(first: Partial<Capture>, end: Partial<Capture>) {
    const host = harness.raycast({ samples: SECOND });
    await host.launch('quick-dictate').done();
    await untilRecorded(harness.paths, 1);
    await host.launch('quick-dictate').done();
    await CaptureClient.leave(harness.paths.capture);
    host.desktop.pasted = '';
    const capture = await serveDictation(harness, first, false, end);
    await host.launch('paste-last-transcript').done();
    await capture.close();
    const toasts = host.desktop.callsTo('toast') as { title: string }[];
    return { pasted: host.desktop.pasted, toastTitles: toasts.map(({ title }) => title) };
  }

  test('pastes no older text during a dictation', async () => {
    expect(await pasteLast({}, {})).toEqual({ pasted: '', toastTitles: ['A dictation is in progress'] });
  });

  test('pastes no older text instead of a failed one, and says why', async () => {
    const error = new SottoError('ENGINE_CRASHED', 'the engine crashed').toWire();
    expect(await pasteLast({ phase: 'finishing' }, { phase: 'failed', error })).toEqual({
      pasted: '',
      toastTitles: ['The engine crashed'],
    });
  });

  test('waits for a dictation that is finishing', async () => {
    const last = await pasteLast({ phase: 'finishing' }, { phase: 'final', text: 'done' });
    expect(last).toEqual({ pasted: 'done', toastTitles: [] });
  });

  test('pastes an undelivered text even if no history is kept', async () => {
    await harness.sotto('history', 'keep', '0');
    const host = harness.raycast({ samples: 3 * SECOND });
    const command = host.launch('dictate');
    await command.untilText('0:03');
    await command.pop();
    await until(async () => {
      const capture = await CaptureClient.connect(harness.paths.capture);
      const left = await capture?.last();
      capture?.close();
      return left !== undefined;
    });
    await host.launch('paste-last-transcript').done();
    expect(host.desktop.pasted).toBe(rampText(3 * SECOND));
  });
});

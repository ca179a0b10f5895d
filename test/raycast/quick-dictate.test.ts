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

/** A take that becomes something else when it is finished, or is followed to its end. */
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

  test('the first call begins, the second finishes and pastes', async () => {
    const host = harness.raycast({ samples: 3 * SECOND });
    await host.launch('quick-dictate').done();
    expect(host.desktop.callsTo('hud')).toHaveLength(1);
    await untilRecorded(harness.paths, 3);
    await host.launch('quick-dictate').done();
    expect(host.desktop.pasted).toBe(rampText(3 * SECOND));
  });

  test('what it began is shown by Dictate, and finished there', async () => {
    const host = harness.raycast({ samples: 3 * SECOND });
    await host.launch('quick-dictate').done();
    const command = host.launch('dictate');
    await command.untilText('0:03');
    await command.act('Finish and Paste');
    await command.done();
    expect(host.desktop.pasted).toBe(rampText(3 * SECOND));
  });

  test('its text can be pasted once more', async () => {
    const host = harness.raycast({ samples: 2 * SECOND });
    await host.launch('quick-dictate').done();
    await untilRecorded(harness.paths, 2);
    await host.launch('quick-dictate').done();
    host.desktop.pasted = '';
    await host.launch('paste-last-transcript').done();
    expect(host.desktop.pasted).toBe(rampText(2 * SECOND));
  });

  /** What it says and pastes where a take is there. */
  async function runWith(first: Partial<Capture>, shouldDeliver: boolean, end: Partial<Capture>) {
    const capture = await serveDictation(harness, first, shouldDeliver, end);
    const host = harness.raycast({});
    await host.launch('quick-dictate').done();
    await capture.close();
    const { desktop } = host;
    return { requested: capture.requested, hud: desktop.callsTo('hud'), pasted: desktop.pasted };
  }

  test('a key that bounces finishes nothing', async () => {
    const dictation = { startedMs: Date.now() + 3_600_000 };
    const { requested, hud, pasted } = await runWith(dictation, true, { phase: 'final', text: '' });
    expect(requested).toEqual(['begin']);
    expect(hud).toEqual(['Listening. Run Quick Dictate again when you are done']);
    expect(pasted).toBe('');
  });

  test('says that it listens only where it does', async () => {
    const dictation = { startedMs: Date.now() + 3_600_000, phase: 'finishing' as const };
    expect((await runWith(dictation, true, {})).hud).toEqual([]);
  });

  test('what somebody else has finished is not inserted twice', async () => {
    for (const phase of ['listening', 'finishing'] as const) {
      const { hud, pasted } = await runWith({ phase }, false, { phase: 'final', text: 'said' });
      expect([hud, pasted]).toEqual([['It is being finished already'], '']);
    }
  });

  test('what is being finished for nobody is for it', async () => {
    const finishing = { phase: 'finishing' as const };
    const { hud, pasted } = await runWith(finishing, true, { phase: 'final', text: 'said' });
    expect([hud, pasted]).toEqual([['Inserted'], 'said']);
  });

  test('what is given up meanwhile is said to be', async () => {
    const { hud, pasted } = await runWith({}, true, { phase: 'discarded' });
    expect([hud, pasted]).toEqual([['Cancelled'], '']);
  });

  test('a process of another version is waited for until it has left', async () => {
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
    expect(host.desktop.callsTo('hud')).toEqual(['Listening. Run Quick Dictate again when you are done']);
  });
});

describeUnless(reason)('Paste Last Transcript', () => {
  const harness = sottoHarness();

  /** What it pastes and says, after a dictation of a second, where another take is there. */
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

  test('pastes no older text while a dictation goes on', async () => {
    expect(await pasteLast({}, {})).toEqual({ pasted: '', toastTitles: ['A dictation goes on'] });
  });

  test('pastes no older text in place of one that failed, and says why', async () => {
    const error = new SottoError('ENGINE_CRASHED', 'the engine is gone').toWire();
    expect(await pasteLast({ phase: 'finishing' }, { phase: 'failed', error })).toEqual({
      pasted: '',
      toastTitles: ['The engine is gone'],
    });
  });

  test('waits for one that is being finished', async () => {
    const last = await pasteLast({ phase: 'finishing' }, { phase: 'final', text: 'said' });
    expect(last).toEqual({ pasted: 'said', toastTitles: [] });
  });

  test('pastes what nobody was given, though nothing is kept', async () => {
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

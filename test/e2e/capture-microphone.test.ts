/** The microphone of a background dictation: lost, changed, waking up, denied. */
import { describe, expect, test } from '@jest/globals';
import type { Capture } from '#daemon/protocol/capture.js';
import { rampText, SECOND } from '#test/harness/ramp.js';
import { withCapture, waitForEnd, waitForState } from './with-capture.js';

const captures = withCapture();
const { begin, expectStopped, attach } = captures;

describe('the microphone of a background dictation', () => {
  test('is reopened when it is lost, and the dictation continues', async () => {
    const process = begin({ samples: 2 * SECOND, lost: true, lives: 2 }, '--keep-listening');
    const capture = await attach();
    // Four seconds from two processes; the third is denied.
    const last = await waitForEnd(capture);
    expect(last).toMatchObject({
      phase: 'final',
      text: `${rampText(2 * SECOND)} ${rampText(2 * SECOND)}`,
      error: { code: 'MIC_UNAVAILABLE' },
    });
    await expectStopped(process);
  });

  test('falls back to the system default if the selected one is not connected, and reports it', async () => {
    const process = begin(
      { samples: 60 * SECOND, pauseMs: 20, devices: ['Built-in', 'Studio'] },
      '--device',
      'AirPods',
    );
    const capture = await attach();
    expect(await capture.devices()).toEqual(['Built-in', 'Studio']);
    expect(await waitForState(capture, ({ device }) => device !== undefined)).toMatchObject({
      device: 'Built-in',
      missingDevice: 'AirPods',
    });
    const other = await attach();
    other.switch({ device: 'studio' });
    const switched = await waitForState(other, ({ device }) => device === 'Studio');
    expect(switched.missingDevice).toBeUndefined();
    await expectStopped(process);
  });

  test('is not listening while a headset is waking up', async () => {
    const process = begin({ samples: SECOND, zeros: SECOND, pauseMs: 100 });
    const seen: Capture[] = [];
    for await (const dictation of (await attach()).updates()) {
      seen.push(dictation);
      if (dictation.seconds === 2) break;
    }
    const woken = seen.filter(({ seconds }) => seconds > 0 && seconds <= 1);
    expect(woken.length).toBeGreaterThan(0);
    expect(new Set(woken.map(({ phase }) => phase))).toEqual(new Set(['opening']));
    expect(seen.at(-1)?.phase).toBe('listening');
    await expectStopped(process);
  });

  test('reports what is wrong, and is ready for the next attempt', async () => {
    const denied = begin({ denied: true });
    expect(await waitForEnd(await attach())).toMatchObject({
      phase: 'failed',
      error: { code: 'MIC_DENIED' },
    });
    await expectStopped(denied);
    const busy = begin({ unopenable: true });
    expect(await waitForEnd(await attach())).toMatchObject({
      phase: 'failed',
      error: {
        code: 'MIC_UNAVAILABLE',
        hint: expect.stringContaining('choose another microphone') as unknown,
      },
    });
    await expectStopped(busy);
  });
});

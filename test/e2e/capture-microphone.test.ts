/** The microphone of a dictation in the background: lost, changed, woken, denied. */
import { describe, expect, test } from '@jest/globals';
import type { Capture } from '#daemon/protocol/capture.js';
import { rampText, SECOND } from '#test/harness/ramp.js';
import { withCapture, end, see } from './with-capture.js';

const captures = withCapture();
const { begin, expectStopped, attach } = captures;

describe('the microphone of a dictation in the background', () => {
  test('a microphone that is lost is opened again, and the take goes on', async () => {
    const process = begin({ samples: 2 * SECOND, lost: true, lives: 2 }, '--keep-listening');
    const capture = await attach();
    // Four seconds of two lives; the third is none.
    const last = await end(capture);
    expect(last).toMatchObject({
      phase: 'final',
      text: `${rampText(2 * SECOND)} ${rampText(2 * SECOND)}`,
      error: { code: 'MIC_UNAVAILABLE' },
    });
    await expectStopped(process);
  });

  test('takes the system’s own microphone where the wanted one is not connected, and says so', async () => {
    const process = begin(
      { samples: 60 * SECOND, pauseMs: 20, devices: ['Built-in', 'Desk'] },
      '--device',
      'AirPods',
    );
    const capture = await attach();
    expect(await capture.devices()).toEqual(['Built-in', 'Desk']);
    expect(await see(capture, ({ device }) => device !== undefined)).toMatchObject({
      device: 'Built-in',
      missingDevice: 'AirPods',
    });
    const other = await attach();
    other.switch({ device: 'desk' });
    const switched = await see(other, ({ device }) => device === 'Desk');
    expect(switched.missingDevice).toBeUndefined();
    await expectStopped(process);
  });

  test('a headset that is being woken is not said to listen yet', async () => {
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

  test('says what is wrong with the microphone, and is ready for the next try', async () => {
    const denied = begin({ denied: true });
    expect(await end(await attach())).toMatchObject({ phase: 'failed', error: { code: 'MIC_DENIED' } });
    await expectStopped(denied);
    const busy = begin({ unopenable: true });
    expect(await end(await attach())).toMatchObject({
      phase: 'failed',
      error: {
        code: 'MIC_UNAVAILABLE',
        hint: expect.stringContaining('choose another microphone') as unknown,
      },
    });
    await expectStopped(busy);
  });
});
